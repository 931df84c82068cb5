//! Matrices inside slices, and their product.

use super::real::Real;

/// A strided matrix inside a slice: element `(row, column)` lies at `row * stride + column`.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    pub data: &'a [T],
    pub rows: usize,
    pub columns: usize,
    pub stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A matrix whose rows lie one after another.
    pub fn contiguous(data: &'a [T], rows: usize, columns: usize) -> Self {
        Self {
            data,
            rows,
            columns,
            stride: columns,
        }
    }

    /// `count` rows from `from` on.
    #[must_use]
    pub fn rows_from(self, from: usize, count: usize) -> Self {
        let data = &self.data[(from * self.stride).min(self.data.len())..];
        Self {
            data,
            rows: count,
            ..self
        }
    }

    /// The elements of a row.
    #[must_use]
    pub fn row(&self, row: usize) -> &'a [T] {
        &self.data[row * self.stride..][..self.columns]
    }

    fn holds(&self) -> bool {
        self.rows == 0
            || self.columns == 0
            || (self.columns <= self.stride && (self.rows - 1) * self.stride + self.columns <= self.data.len())
    }
}

/// Which threads compute a product.
#[derive(Clone, Copy)]
pub enum Threads {
    /// The calling thread alone, because other threads compute their own products at the same time.
    One,
    /// All threads of the pool.
    All,
}

/// `out[m, n] (+)= scale * op(a) op(b)`, where `op` transposes if requested.
///
/// # Panics
/// If the shapes do not match one another or the slices, which would be a bug in this crate.
#[expect(unsafe_code, reason = "gemm takes pointers")]
pub fn matrix_product<T: Real>(
    out: &mut [T],
    out_stride: usize,
    (accumulate, scale, threads): (bool, T, Threads),
    (a, transpose_a): (Matrix<'_, T>, bool),
    (b, transpose_b): (Matrix<'_, T>, bool),
) {
    let (m, k) = if transpose_a {
        (a.columns, a.rows)
    } else {
        (a.rows, a.columns)
    };
    let (k_b, n) = if transpose_b {
        (b.columns, b.rows)
    } else {
        (b.rows, b.columns)
    };
    assert!(
        a.holds() && b.holds() && k == k_b && n <= out_stride,
        "shapes of a matrix product"
    );
    if m == 0 || n == 0 {
        return;
    }
    assert!(
        (m - 1) * out_stride + n <= out.len(),
        "the product's place is too small"
    );
    let strides = |matrix: &Matrix<'_, T>, transposed: bool| {
        let stride = matrix.stride as isize;
        if transposed { (stride, 1) } else { (1, stride) }
    };
    let (a_column, a_row) = strides(&a, transpose_a);
    let (b_column, b_row) = strides(&b, transpose_b);
    // SAFETY: the assertions above keep every index that gemm forms from these shapes and strides inside the slices,
    // and `out` is borrowed mutably.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            accumulate,
            a.data.as_ptr(),
            a_column,
            a_row,
            b.data.as_ptr(),
            b_column,
            b_row,
            T::of(1.0),
            scale,
            false,
            false,
            false,
            match threads {
                Threads::One => gemm::Parallelism::None,
                Threads::All => gemm::Parallelism::Rayon(rayon::current_num_threads()),
            },
        );
    }
}
