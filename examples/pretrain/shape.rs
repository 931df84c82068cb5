//! The sizes of the tiny model.

/// Everything that `config.json` says.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Pixels of a drawn scene's side.
    pub image: usize,
    pub patch: usize,
    pub merge: usize,
    pub vision_blocks: usize,
    pub vision_width: usize,
    pub vision_heads: usize,
    pub vision_mlp: usize,
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub intermediate: usize,
    /// BPE tokens, without the special ones.
    pub bpe: usize,
    /// Rows after the tokenizer's last token; the first 32 of them are where a soft prompt starts from.
    pub spare: usize,
}

/// The shape that is shipped.
pub const TINY: Shape = Shape {
    image: 112,
    patch: 8,
    merge: 2,
    vision_blocks: 4,
    vision_width: 96,
    vision_heads: 3,
    vision_mlp: 384,
    layers: 4,
    hidden: 128,
    heads: 4,
    kv_heads: 2,
    intermediate: 384,
    bpe: 900,
    spare: 64,
};

impl Shape {
    /// Patches along a side.
    pub const fn grid(&self) -> usize {
        self.image / self.patch
    }

    /// Merged patches along a side.
    pub const fn merged(&self) -> usize {
        self.grid() / self.merge
    }

    /// Vision tokens of a picture.
    pub const fn tokens(&self) -> usize {
        self.merged() * self.merged()
    }
}
