//! Pillow's `Image.resize` for RGB pictures, to the bit.
//!
//! A separable convolution whose kernel widens when shrinking (antialiasing). Pillow rounds twice: weights to 22-bit
//! fixed point, and the picture to 8 bits between the horizontal and the vertical pass. We do the same, because
//! libraries with 16-bit weights differ from it by 1 in some per mille of the samples, which is more than the model's
//! tolerance.
//! Source: Pillow 10.4, `src/libImaging/Resample.c`, compared with its output; the code is our own.

use image::RgbImage;

/// Pillow's filters that Qwen2-VL's preprocessing uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// `BICUBIC`: Keys' cubic with a = -0.5.
    Bicubic,
    /// `LANCZOS`: a sinc windowed by a sinc, 3 lobes.
    Lanczos,
}

/// The picture in another size, `width` x `height` pixels; both must be above 0.
#[must_use]
pub fn resize(picture: &RgbImage, width: u32, height: u32, filter: Filter) -> RgbImage {
    let horizontal = (picture.width() != width).then(|| resize_rows(picture, width, filter));
    let picture = horizontal.as_ref().unwrap_or(picture);
    if picture.height() == height {
        picture.clone()
    } else {
        resize_columns(picture, height, filter)
    }
}

impl Filter {
    /// Half the kernel's width, in source pixels when not shrinking.
    const fn support(self) -> f64 {
        match self {
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let distance = x.abs();
        match self {
            Self::Bicubic if distance < 1.0 => ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0,
            Self::Bicubic if distance < 2.0 => (((distance - 5.0) * distance + 8.0) * distance - 4.0) * A,
            Self::Lanczos if distance < 3.0 => sinc(x) * sinc(x / 3.0),
            Self::Bicubic | Self::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

/// Fractional bits of a weight: 32 less 8 of the sample and 2 for overshoot.
const WEIGHT_BITS: u32 = 22;
const HALF: i32 = 1 << (WEIGHT_BITS - 1);

/// The source positions that contribute to one target position.
struct Taps {
    start: usize,
    weights: Vec<i32>,
}

fn taps(source: usize, target: usize, filter: Filter) -> Vec<Taps> {
    let scale = source as f64 / target as f64;
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    (0..target)
        .map(|position| {
            let center = (position as f64 + 0.5) * scale;
            let start = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(source);
            let exact: Vec<f64> = (start..end)
                .map(|x| filter.weight((x as f64 - center + 0.5) * (1.0 / stretch)))
                .collect();
            let sum: f64 = exact.iter().sum();
            let weights = exact
                .iter()
                .map(|weight| {
                    let fixed = if sum == 0.0 { *weight } else { weight / sum } * f64::from(1 << WEIGHT_BITS);
                    (fixed + 0.5_f64.copysign(fixed)) as i32
                })
                .collect();
            Taps { start, weights }
        })
        .collect()
}

fn to_byte(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

fn resize_rows(picture: &RgbImage, width: u32, filter: Filter) -> RgbImage {
    let (source_width, target_width) = (picture.width() as usize, width as usize);
    let taps = taps(source_width, target_width, filter);
    let mut resized = RgbImage::new(width, picture.height());
    let source_rows = picture.as_raw().chunks_exact(source_width * 3);
    for (source, target) in source_rows.zip(resized.chunks_exact_mut(target_width * 3)) {
        for (tap, pixel) in taps.iter().zip(target.chunks_exact_mut(3)) {
            let mut sum = [HALF; 3];
            for (sample, weight) in source[tap.start * 3..].chunks_exact(3).zip(&tap.weights) {
                for channel in 0..3 {
                    sum[channel] += i32::from(sample[channel]) * weight;
                }
            }
            pixel.copy_from_slice(&sum.map(to_byte));
        }
    }
    resized
}

fn resize_columns(picture: &RgbImage, height: u32, filter: Filter) -> RgbImage {
    let row = picture.width() as usize * 3;
    let taps = taps(picture.height() as usize, height as usize, filter);
    let mut resized = RgbImage::new(picture.width(), height);
    let mut sums = vec![HALF; row];
    for (tap, target) in taps.iter().zip(resized.chunks_exact_mut(row)) {
        sums.fill(HALF);
        let source_rows = picture.as_raw()[tap.start * row..].chunks_exact(row);
        for (source, weight) in source_rows.zip(&tap.weights) {
            for (sum, sample) in sums.iter_mut().zip(source) {
                *sum += i32::from(*sample) * weight;
            }
        }
        for (sample, sum) in target.iter_mut().zip(&sums) {
            *sample = to_byte(*sum);
        }
    }
    resized
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn the_same_size_is_the_same_picture() {
        let picture = RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8 * 30, y as u8 * 50, 9]));
        assert_eq!(resize(&picture, 7, 5, Filter::Bicubic), picture);
    }

    #[test]
    fn one_colour_stays_one_colour_in_every_size() {
        for value in [0, 1, 127, 254, 255] {
            let picture = RgbImage::from_pixel(13, 3, Rgb([value; 3]));
            for (width, height) in [(1, 1), (2, 40), (13, 28), (56, 56)] {
                for filter in [Filter::Bicubic, Filter::Lanczos] {
                    let resized = resize(&picture, width, height, filter);
                    assert!(
                        resized.iter().all(|sample| *sample == value),
                        "{value} {width} {height}"
                    );
                }
            }
        }
    }

    /// Pillow 10.4: `Image.fromarray(...).resize(size, filter)` of a row 0, 255, 0, 0, 128.
    #[test]
    fn overshoot_and_edges_are_pillows() {
        let row = [0, 255, 0, 0, 128];
        let picture = RgbImage::from_fn(5, 1, |x, _| Rgb([row[x as usize]; 3]));
        let samples = |width, filter| -> Vec<u8> {
            resize(&picture, width, 1, filter)
                .pixels()
                .map(|pixel| pixel.0[0])
                .collect()
        };
        assert_eq!(samples(8, Filter::Bicubic), [0, 114, 253, 78, 0, 0, 77, 137]);
        assert_eq!(samples(3, Filter::Bicubic), [114, 58, 67]);
        assert_eq!(samples(3, Filter::Lanczos), [121, 62, 57]);
    }
}
