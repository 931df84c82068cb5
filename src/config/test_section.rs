//! `test:` — how answers are generated, in the reference's keys.

use super::{allowed::BATCH, section::section};

section! {
    TestSettings {
        /// Images a batch in evaluation and prediction.
        batch_size: usize = 8, Count(1, BATCH);
        /// The generated answer's longest length, in tokens; attention grows with its square.
        max_new_tokens: usize = 4, Count(1, 4096);
        /// Draw tokens at random; false: greedy, as the reference's accuracy wants it.
        do_sample: bool = false, Switch;
        /// Divides the logits before a token is drawn; without effect while `do_sample` is false.
        temperature: f64 = 1.0, NotNegative(100.0);
        /// Tokens are drawn from the likeliest ones that together have this share; without effect while `do_sample` is false.
        top_p: f64 = 1.0, ShareAboveZero;
    }
}
