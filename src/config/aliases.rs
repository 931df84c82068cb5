//! The reference's keys that are aliases of ours, and those that cannot be honoured.

use serde_json::Value;

use super::{
    ConfigError,
    error::shown,
    layers::Leaf,
    schema::{BF16_ALIAS, FP16_ALIAS, TOKENS_ALIAS, UNUSED_COLUMNS},
};

const TOKENS: &str = "prompt.tokens";
const DTYPE: &str = "model.dtype";

/// Rewrites one layer in our keys. `inherited_dtype` is `model.dtype` of the weaker layers.
pub(super) fn resolve<'a>(
    leaves: Vec<Leaf<'a>>,
    inherited_dtype: Option<&Value>,
) -> Result<Vec<Leaf<'a>>, ConfigError> {
    let (aliases, mut leaves): (Vec<_>, Vec<_>) = leaves
        .into_iter()
        .partition(|leaf| [TOKENS_ALIAS, BF16_ALIAS, FP16_ALIAS].contains(&leaf.key.as_str()));
    let alias = |key: &str| aliases.iter().find(|leaf| leaf.key == key);
    if let Some(tokens) = alias(TOKENS_ALIAS) {
        set(&mut leaves, TOKENS, tokens, tokens.value.clone())?;
    }
    if let Some((leaf, dtype)) = dtype(alias(BF16_ALIAS), alias(FP16_ALIAS), &leaves, inherited_dtype)? {
        // `auto` leaves the choice open, so the alias may make it.
        leaves.retain(|leaf| !(leaf.key == DTYPE && leaf.value == "auto"));
        set(&mut leaves, DTYPE, leaf, dtype.into())?;
    }
    for leaf in &mut leaves {
        if leaf.key == UNUSED_COLUMNS {
            leaf.notice = (leaf.value == true).then(|| {
                format!(
                    "{}: `{UNUSED_COLUMNS}` has nothing to remove here: a sample holds only what the model reads",
                    leaf.place()
                )
            });
        } else if leaf.key.ends_with(".optim") && leaf.value != "adamw_torch" {
            adamw_instead(leaf);
        }
    }
    Ok(leaves)
}

/// Gives our key the alias's value; both may stand in a layer if they agree.
fn set<'a>(leaves: &mut Vec<Leaf<'a>>, key: &str, alias: &Leaf<'a>, value: Value) -> Result<(), ConfigError> {
    match leaves.iter().find(|leaf| leaf.key == key) {
        Some(own) if own.value != value => Err(contradiction(alias, own)),
        Some(_) => Ok(()),
        None => {
            leaves.push(Leaf {
                key: key.to_owned(),
                value,
                ..alias.clone()
            });
            Ok(())
        }
    }
}

/// The number format that `bf16` and `fp16` together give `model.dtype`, with the key that decides it. True selects that
/// key's format; false replaces that format, where it is set, by f32.
fn dtype<'l, 'a>(
    bf16: Option<&'l Leaf<'a>>,
    fp16: Option<&'l Leaf<'a>>,
    leaves: &[Leaf<'a>],
    inherited: Option<&Value>,
) -> Result<Option<(&'l Leaf<'a>, &'static str)>, ConfigError> {
    let on = |leaf: &&Leaf| leaf.value == true;
    match (bf16.filter(on), fp16.filter(on)) {
        (Some(bf16), Some(fp16)) => return Err(contradiction(bf16, fp16)),
        (Some(bf16), None) => return Ok(Some((bf16, "bf16"))),
        (None, Some(fp16)) => return Ok(Some((fp16, "f16"))),
        (None, None) => {}
    }
    let own = leaves.iter().find(|leaf| leaf.key == DTYPE);
    let current = own.map(|own| &own.value).or(inherited);
    for (alias, ruled_out) in [(bf16, ["bf16", "auto"]), (fp16, ["f16", "f16"])] {
        if let Some(alias) = alias
            && ruled_out
                .iter()
                .any(|dtype| current.is_some_and(|current| current == dtype))
        {
            return Ok(Some((alias, "f32")));
        }
    }
    Ok(None)
}

fn contradiction(leaf: &Leaf, other: &Leaf) -> ConfigError {
    ConfigError::Contradiction {
        at: leaf.place(),
        key: leaf.written.clone(),
        value: shown(&leaf.value),
        other: format!("`{}: {}` ({})", other.written, shown(&other.value), other.place()),
    }
}

/// Every optimiser is AdamW here; a notice says so if the named one has another update rule or another precision.
fn adamw_instead(leaf: &mut Leaf) {
    let same_rule = ["adamw_torch_fused", "adamw_hf", "adamw_apex_fused"]
        .iter()
        .any(|name| leaf.value == *name);
    if !same_rule {
        leaf.notice = Some(format!(
            "{}: `{}: {}` is not available; adamw_torch (AdamW with 32-bit moments) is used instead",
            leaf.place(),
            leaf.written,
            leaf.value.as_str().unwrap_or_default(),
        ));
    }
    leaf.value = "adamw_torch".into();
}
