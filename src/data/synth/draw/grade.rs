//! Brightness and colour as a grade over the whole picture: after it the picture's mean luma and mean saturation are what the two numbers
//! say, whatever the scene shows.

/// Grades `pixels` (RGB, values in `[0, 1]`).
pub fn grade(pixels: &mut [[f32; 3]], brightness: f32, colorfulness: f32) {
    let wanted_luma = 0.16 + 0.6 * brightness;
    // A picture is darkened like one under less light, evenly, which keeps the contrast of dark things; and brightened by a gamma curve,
    // which keeps light things below white.
    let found_luma = mean(pixels, luma);
    let gain = (wanted_luma / found_luma.max(0.01)).min(1.0);
    let gamma = solve(0.15, 1.0, |gamma| {
        mean(pixels, |pixel| luma(pixel).powf(gamma)) <= wanted_luma
    });
    for pixel in pixels.iter_mut() {
        let luma = luma(pixel).max(1e-3);
        let gain = gain * luma.powf(gamma) / luma;
        *pixel = pixel.map(|value| value * gain);
    }
    let wanted_saturation = 0.02 + 0.62 * colorfulness;
    let strength = solve(0.0, 3.0, |strength| {
        mean(pixels, |pixel| saturation(&saturate(pixel, strength))) >= wanted_saturation
    });
    for pixel in pixels.iter_mut() {
        *pixel = saturate(pixel, strength);
    }
}

/// The least number in the range from which `reached` holds, to within a thousandth of the range; the range's end if it never does.
fn solve(mut low: f32, mut high: f32, reached: impl Fn(f32) -> bool) -> f32 {
    for _ in 0..10 {
        let middle = 0.5 * (low + high);
        if reached(middle) {
            high = middle
        } else {
            low = middle
        }
    }
    high
}

/// The mean over every seventh pixel: enough for a grade, and a fraction of the work.
fn mean(pixels: &[[f32; 3]], value: impl Fn(&[f32; 3]) -> f32) -> f32 {
    let (sum, count) = pixels
        .iter()
        .step_by(7)
        .fold((0.0, 0.0), |(sum, count), pixel| {
            (sum + value(pixel), count + 1.0)
        });
    sum / f32::max(count, 1.0)
}

/// Rec. 601.
fn luma([red, green, blue]: &[f32; 3]) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// The distance from grey, times `strength`.
fn saturate(pixel: &[f32; 3], strength: f32) -> [f32; 3] {
    let grey = luma(pixel).min(1.0);
    pixel.map(|value| (grey + (value - grey) * strength).clamp(0.0, 1.0))
}

/// HSV's.
fn saturation(pixel: &[f32; 3]) -> f32 {
    let (low, high) = pixel.iter().fold((1.0_f32, 0.0_f32), |(low, high), value| {
        (low.min(*value), high.max(*value))
    });
    if high > 0.0 { (high - low) / high } else { 0.0 }
}
