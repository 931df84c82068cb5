//! Measures the peak memory of some work in this thread. (Crates that do so touch zeroed allocations, which a test with
//! a picture of gigabytes must not do.)

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// The result of `work`, and the most bytes that it held at once, including the result.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, usize) {
    HELD.set(0);
    MOST.set(0);
    let done = work();
    (done, usize::try_from(MOST.get()).unwrap_or(0))
}

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn note(bytes: isize) {
    let held = HELD.get() + bytes;
    HELD.set(held);
    MOST.set(MOST.get().max(held));
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: the system's allocator does all the work. The thread-local cells allocate nothing and have no destructor.
#[expect(unsafe_code, reason = "an allocator")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size().cast_signed());
        // SAFETY: as this function's caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size().cast_signed());
        // SAFETY: as this function's caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(-layout.size().cast_signed());
        // SAFETY: as this function's caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size.cast_signed() - layout.size().cast_signed());
        // SAFETY: as this function's caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::measured;

    #[test]
    fn the_peak_memory_is_measured() {
        let (left, most) = measured(|| {
            drop(std::hint::black_box(vec![0_u8; 1 << 20]));
            std::hint::black_box(vec![1_u8; 1 << 10])
        });
        assert_eq!(left.len(), 1 << 10);
        assert!((1 << 20..(1 << 20) + 4096).contains(&most), "{most}");
    }
}
