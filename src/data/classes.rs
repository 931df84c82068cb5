//! The datasets that are known by name, and their label lists.

/// A dataset whose label list is fixed.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownDataset {
    pub name: &'static str,
    /// Lower-case letters and digits only: other names that people type.
    aliases: &'static [&'static str],
    /// In the order in which questions enumerate them.
    pub classes: &'static [&'static str],
}

/// Mikels' eight emotions, in the order of EmoSet's class list.
pub const MIKELS: [&str; 8] = [
    "amusement",
    "awe",
    "contentment",
    "excitement",
    "anger",
    "disgust",
    "fear",
    "sadness",
];
const ART: &[&str] = &[
    "amusement",
    "anger",
    "awe",
    "content",
    "disgust",
    "excitement",
    "fear",
    "sad",
];
const POLARITY: &[&str] = &["positive", "negative"];

pub const EMOSET: KnownDataset = known("EmoSet", &["emoset118k"], &MIKELS);
pub const FI: KnownDataset = known("FI", &["fi8", "flickrandinstagram"], &MIKELS);
pub const EMOTION6: KnownDataset = known(
    "Emotion6",
    &[],
    &["anger", "disgust", "fear", "joy", "sadness", "surprise"],
);
pub const ABSTRACT: KnownDataset = known("Abstract", &[], ART);
pub const ARTPHOTO: KnownDataset = known("ArtPhoto", &[], ART);
pub const UNBIASED_EMO: KnownDataset = known(
    "UnbiasedEmo",
    &["unbiasedemotion"],
    &["anger", "fear", "joy", "love", "sadness", "surprise"],
);
pub const FLICKR: KnownDataset = known("Flickr", &[], POLARITY);
pub const INSTAGRAM: KnownDataset = known("Instagram", &[], POLARITY);

/// All of them.
pub static KNOWN: [&KnownDataset; 8] = [
    &EMOSET,
    &FI,
    &EMOTION6,
    &ABSTRACT,
    &ARTPHOTO,
    &UNBIASED_EMO,
    &FLICKR,
    &INSTAGRAM,
];

const fn known(name: &'static str, aliases: &'static [&'static str], classes: &'static [&'static str]) -> KnownDataset {
    KnownDataset { name, aliases, classes }
}

/// The dataset of this name; case, spaces, `-` and `_` do not count.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static KnownDataset> {
    let plain = |name: &str| -> String {
        name.chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase()
    };
    let wanted = plain(name);
    KNOWN
        .into_iter()
        .find(|known| plain(known.name) == wanted || known.aliases.contains(&wanted.as_str()))
}

/// The known name that is most like an unknown one, as people type them.
#[must_use]
pub fn nearest_name(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let likeness = |known: &KnownDataset| strsim::jaro_winkler(&known.name.to_ascii_lowercase(), &name);
    let nearest = KNOWN.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.map_or("", |known| known.name)
}

/// All names, for messages.
#[must_use]
pub fn names() -> String {
    KNOWN.map(|known| known.name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_regardless_of_case_and_separators() {
        for (typed, name) in [
            ("emoset", "EmoSet"),
            ("EmoSet-118K", "EmoSet"),
            ("EMOTION6", "Emotion6"),
            ("fi", "FI"),
            ("art_photo", "ArtPhoto"),
            ("Unbiased Emo", "UnbiasedEmo"),
            ("instagram", "Instagram"),
        ] {
            assert_eq!(by_name(typed).unwrap().name, name, "{typed}");
        }
        assert!(by_name("pets").is_none() && by_name("").is_none());
        assert_eq!(by_name("abstract").unwrap().classes[3], "content");
    }
}
