//! Which stages a dataset can train.

use super::{Dataset, View, layout};
use crate::printable::printable;

/// Whether each stage can be trained on a dataset; a sentence says why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Stage 1: aspect modules learn from annotations.
    pub aspects: Result<(), String>,
    /// Stage 2: the soft prompt learns from classes.
    pub prompt: Result<(), String>,
}

impl Readiness {
    /// What the training split of `dataset` serves, with aspect modules of these views.
    #[must_use]
    pub fn of(dataset: &Dataset, views: &[View]) -> Self {
        if dataset.train.is_empty() {
            let reason = Err("there is no training image that can be read".to_owned());
            return Self {
                aspects: reason.clone(),
                prompt: reason,
            };
        }
        let annotated = || {
            let mut said = dataset
                .train
                .iter()
                .flat_map(|sample| views.iter().map(|view| sample.annotation.text(*view)));
            said.any(|text| text.is_some())
        };
        let names = || views.iter().map(|view| view.name()).collect::<Vec<_>>().join(", ");
        Self {
            aspects: if views.is_empty() {
                Err("aspects.views is empty, so stage 1 (aspects) has nothing to train".to_owned())
            } else if annotated() {
                Ok(())
            } else {
                Err(format!(
                    "no training image has an annotation of {}, so stage 1 (aspects) has nothing to learn from; use a \
                     dataset with annotations, or train stage `prompt` with --init-aspects",
                    names()
                ))
            },
            prompt: tells_classes_apart(dataset),
        }
    }

    /// Why one of the stages that are asked for cannot be trained.
    #[must_use]
    pub fn refusal(&self, aspects: bool, prompt: bool) -> Option<&str> {
        let asked = [(aspects, &self.aspects), (prompt, &self.prompt)];
        asked
            .into_iter()
            .filter(|(asked, _)| *asked)
            .find_map(|(_, ready)| ready.as_ref().err().map(String::as_str))
    }
}

fn tells_classes_apart(dataset: &Dataset) -> Result<(), String> {
    if let Some(reason) = layout::misread(dataset) {
        return Err(reason);
    }
    let first = dataset.train.first().map_or(0, |sample| sample.label);
    if dataset.train.iter().any(|sample| sample.label != first) {
        return Ok(());
    }
    let class = dataset.classes.get(first).map_or("", String::as_str);
    let advice = match layout::inner_dataset(&dataset.root) {
        Some((inner, layout)) => format!("its subfolder `{inner}` has the layout {layout}: point --data at that"),
        None => "use a dataset with at least two classes".to_owned(),
    };
    Err(format!(
        "all training images are of one class, `{}`, so there is nothing to distinguish; {advice}",
        printable(class)
    ))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::data::{DatasetOptions, open};

    /// A dataset of small pictures with these names.
    fn dataset(root: &Path, files: &[&str]) -> Dataset {
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if file.ends_with(".csv") || file.ends_with(".json") {
                fs::write(path, r#"{"scene": "sea"}"#).unwrap();
            } else {
                fs::write(path, include_bytes!("image_file/fixtures/palette.png")).unwrap();
            }
        }
        open(&DatasetOptions::of(root)).unwrap()
    }

    fn readiness(files: &[&str], views: &[View]) -> Readiness {
        let folder = tempfile::tempdir().unwrap();
        Readiness::of(&dataset(folder.path(), files), views)
    }

    #[test]
    fn each_stage_has_its_own_needs() {
        let annotated = ["train/awe/1.png", "train/fear/2.png", "annotation/awe/1.json"];
        let both = readiness(&annotated, &View::ALL);
        assert_eq!(
            (&both.aspects, &both.prompt, both.refusal(true, true)),
            (&Ok(()), &Ok(()), None)
        );
        for (views, says) in [
            (vec![View::Object], "annotation of object"),
            (vec![], "aspects.views is empty"),
        ] {
            let one = readiness(&annotated, &views);
            assert!(one.refusal(true, false).unwrap().contains(says), "{one:?}");
            assert_eq!(one.refusal(false, true), None);
        }
        let alone = readiness(
            &["train/awe/1.png", "test/fear/2.png", "annotation/awe/1.json"],
            &View::ALL,
        );
        assert_eq!(alone.aspects, Ok(()));
        assert!(
            alone.refusal(true, true).unwrap().contains("one class, `awe`"),
            "{alone:?}"
        );
        let none = readiness(&["test/awe/1.png", "test/fear/2.png"], &View::ALL);
        assert!(none.aspects.is_err() && none.prompt.is_err());
    }

    #[test]
    fn classes_a_level_deeper_are_never_ready() {
        for (files, says) in [
            (vec!["art/sad_1.jpg", "art/fear_1.jpg"], "holds several"),
            (
                vec!["a/sad_1.jpg", "a/fear_1.jpg", "b/sad_1.jpg", "b/awe_1.jpg"],
                "holds several",
            ),
            (vec!["train/1.jpg", "test/2.jpg"], "names of splits"),
            (
                vec!["a/1.jpg", "a/ABSTRACT_groundTruth.csv", "b/2.jpg"],
                "`a` was read as a class",
            ),
            (
                vec!["a/x.jpg", "a/joy/1.jpg", "a/fear/1.jpg", "b/x.jpg", "b/joy/1.jpg"],
                "one level deeper",
            ),
            (
                vec!["samples/1.jpg", "data/joy/1.jpg", "data/fear/1.jpg"],
                "`data` has the layout class folders",
            ),
            (vec!["joy/1.jpg", "joy/2.jpg"], "at least two classes"),
        ] {
            let ready = readiness(&files, &View::ALL);
            let reason = ready.prompt.unwrap_err();
            assert!(reason.contains(says), "{files:?}: {reason}");
        }
        let plain = readiness(
            &["joy/joy_1.jpg", "joy/sad_2.jpg", "joy/photo.jpg", "fear/1.jpg"],
            &View::ALL,
        );
        assert_eq!(plain.prompt, Ok(()));
    }
}
