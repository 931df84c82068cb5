//! Gives each weight one name, whatever version or wrapper saved it.

/// Prefixes that wrappers add: distributed training, compilation, a merged adapter.
const WRAPPERS: [&str; 3] = ["module.", "_orig_mod.", "base_model.model."];

/// Other prefixes of the two halves, and the hub's older ones. transformers renamed the modules in 4.52; a model saved
/// without its head lacks the outer `model.`; MLX has its own names.
const RENAMED: [(&str, &str); 10] = [
    ("model.language_model.", "model."),
    ("model.visual.", "visual."),
    ("language_model.lm_head.", "lm_head."),
    ("language_model.model.", "model."),
    ("language_model.", "model."),
    ("model.vision_tower.", "visual."),
    ("vision_tower.", "visual."),
    ("model.multi_modal_projector.", "multi_modal_projector."),
    ("model.image_newline", "image_newline"),
    ("model.lm_head.", "lm_head."),
];

/// Converts a name to the hub's older one.
#[must_use]
pub fn older(name: &str) -> String {
    let mut rest = name;
    while let Some(bare) = WRAPPERS.iter().find_map(|wrapper| rest.strip_prefix(wrapper)) {
        rest = bare;
    }
    let renamed = RENAMED
        .iter()
        .find_map(|(newer, older)| Some(format!("{older}{}", rest.strip_prefix(newer)?)));
    renamed.unwrap_or_else(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::older;

    #[test]
    fn older_names_map_to_one_name() {
        for (saved, name) in [
            ("model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"),
            ("model.language_model.layers.0.x", "model.layers.0.x"),
            ("language_model.layers.0.x", "model.layers.0.x"),
            ("language_model.model.layers.0.x", "model.layers.0.x"),
            ("model.visual.blocks.1.x", "visual.blocks.1.x"),
            ("visual.blocks.1.x", "visual.blocks.1.x"),
            ("vision_tower.vision_model.x", "visual.vision_model.x"),
            ("model.vision_tower.vision_model.x", "visual.vision_model.x"),
            (
                "model.multi_modal_projector.linear_1.bias",
                "multi_modal_projector.linear_1.bias",
            ),
            ("model.image_newline", "image_newline"),
            ("module._orig_mod.lm_head.weight", "lm_head.weight"),
            ("base_model.model.model.norm.weight", "model.norm.weight"),
        ] {
            assert_eq!(older(saved), name);
        }
    }
}
