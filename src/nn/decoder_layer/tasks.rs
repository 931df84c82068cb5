//! How the rows of a fused layer are split into tasks: all threads get work, and the results do not depend on their
//! number.
//!
//! A matrix product gives each element the same bits whatever its number of rows, unless it is so small that gemm sums
//! in another order. The split for two threads therefore decides which rows are computed in a small product; other
//! numbers of threads may split rows differently only if all their products stay large.

use super::weights::Widths;

/// gemm sums products of at most so many elements in another order.
const SMALL_PRODUCT: usize = 16 * 16;
/// The same holds for a product of which neither side is larger than this...
const SMALL_SIDE: usize = 64;
/// ... if its sums have more terms than this.
const SHORT_SUM: usize = 512;
/// The number of threads whose split every other split must agree with.
const USUAL_THREADS: usize = 2;

/// Rows per task: enough for a product at full speed, and few enough that values between two products stay in the
/// core's cache. Every core gets work, as far as that does not change the results.
pub fn rows_of_a_task(rows: usize, widths: &Widths) -> usize {
    split(rows, least_rows(widths), rayon::current_num_threads())
}

/// The least number of rows with which none of the layer's products is a small one.
fn least_rows(widths: &Widths) -> usize {
    let all = [widths.hidden, widths.wide, widths.q(), widths.kv()];
    let narrow = all.into_iter().min().unwrap_or(0).max(1);
    let longest = all.into_iter().max().unwrap_or(0);
    let least = (SMALL_PRODUCT / narrow + 1).max(2);
    if narrow <= SMALL_SIDE && longest > SHORT_SUM {
        least.max(SMALL_SIDE + 1)
    } else {
        least
    }
}

fn split(rows: usize, least: usize, threads: usize) -> usize {
    const MOST: usize = 512;
    let even = |threads| {
        let tasks = rows.div_ceil(MOST).next_multiple_of(threads);
        rows.div_ceil(tasks.max(1)).max(1)
    };
    let usual = even(USUAL_THREADS);
    // The last task gets the remaining rows.
    let is_large = |size: usize| size >= least && (rows.is_multiple_of(size) || rows % size >= least);
    if !is_large(usual) {
        return usual;
    }
    let wanted = even(threads).max(least);
    let finer = (wanted..usual).find(|&size| is_large(size));
    let coarser = Some(wanted).filter(|&size| size > usual && is_large(size));
    finer.or(coarser).unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Tensor, Var};

    use super::*;
    use crate::nn::Mask;
    use crate::nn::decoder_layer::tests::{layer_of, whole_context};
    use crate::nn::tests::noise;

    #[test]
    fn each_thread_has_work_where_there_are_rows_enough() {
        assert_eq!(split(1_280, 5, 16), 80);
        assert_eq!([split(1_280, 5, 1), split(1_280, 5, 2)], [427, 320]);
        // 32 rows of a narrow model: a third task would be so small that its sums differ from those of two tasks.
        assert_eq!([split(32, 12, 2), split(32, 12, 16)], [16, 16]);
        assert_eq!(split(32, 9, 16), 11);
        assert_eq!(split(32, 2, 16), 2);
        // With two rows per task a single row would remain, and its product would be small.
        assert_eq!(split(33, 2, 32), 3);
        for threads in 1..9 {
            assert_eq!(split(3, 2, threads), 2, "as two threads have it");
            assert_eq!(split(1, 2, threads), 1);
            assert_eq!(split(0, 2, threads), 1);
        }
    }

    #[test]
    fn a_task_is_never_smaller_than_what_changes_no_result() {
        for rows in 1..700 {
            for (least, threads) in [(2, 3), (5, 7), (33, 4), (65, 64)] {
                let (usual, size) = (split(rows, least, 2), split(rows, least, threads));
                let smallest = |size: usize| if rows.is_multiple_of(size) { size } else { rows % size };
                let unchanged = size == usual || smallest(size).min(smallest(usual)) >= least;
                assert!(
                    unchanged,
                    "{rows} rows, at least {least}, {threads} threads: {usual}, {size}"
                );
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        // The second model is wider than what gemm sums in one pass, and has narrow keys and values.
        for (hidden, wide, heads) in [(32, 96, (4, 2)), (64, 520, (4, 1))] {
            let layer = layer_of(DType::F32, hidden, wide, heads);
            for (batch, tokens) in [(1, 1), (1, 3), (2, 9), (5, 13), (3, 70), (4, 150)] {
                let context = whole_context(DType::F32, hidden / heads.0, Mask::full(batch, tokens, true));
                let x = noise(7, &[batch, tokens, hidden]).to_dtype(DType::F32).unwrap();
                let bits = |threads| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    pool.install(|| {
                        let x = Var::from_tensor(&x).unwrap();
                        let y = layer.forward(&x, &context, None, false).unwrap();
                        let dx = y.sum_all().unwrap().backward().unwrap().get(&x).unwrap().clone();
                        let bits = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                        [bits(&y), bits(&dx)].map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
                    })
                };
                let of_two = bits(2);
                for threads in [1, 3, 4, 7, 16] {
                    assert!(
                        bits(threads) == of_two,
                        "{hidden}: {batch} x {tokens}, {threads} threads"
                    );
                }
            }
        }
    }
}
