//! All changes of colour as one affine map.

use crate::Parameters;
use convnet_cpu::warp::Colour;

/// Shares of red, green and blue in luma (ITU-R BT.601), those of Pillow and torchvision.
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];

/// Half of the range of a byte, which contrast leaves where it is.
const MID_GREY: f64 = 127.5;

/// Brightness, contrast, saturation, hue and channel shift in this order; `None` where they change nothing.
///
/// Brightness multiplies, saturation goes from the grey of the same luma outwards: Haeberli's interpolation and extrapolation
/// (Matrix Operations for Image Processing, 1993), as in Pillow's `ImageEnhance` and torchvision. Contrast goes from
/// mid-grey outwards; in those two it is the grey of the picture's mean, which would cost a second pass. Hue turns
/// the plane of the two colour differences of YUV and keeps luma, the knob of a television; in torchvision and Keras it turns
/// the H of HSV, which no matrix can. Each of theirs clips its result, here the sum of all is clipped once.
pub(crate) fn of(parameters: &Parameters, channels: usize) -> Option<Colour> {
    let p = parameters;
    let (brightness, contrast) = (f64::from(p.brightness), f64::from(p.contrast));
    let (scale, offset) = (contrast * brightness, MID_GREY * (1.0 - contrast));
    let added = f64::from(p.channel_shift);
    if channels != 3 {
        let offset = offset + added;
        let changes = scale != 1.0 || offset != 0.0;
        return changes.then_some(Colour::Each { scale: scale as f32, offset: offset as f32 });
    }
    let neutral = Parameters::default();
    let colours = |p: &Parameters| (p.brightness, p.contrast, p.saturation, p.hue, p.channel_shift);
    if colours(p) == colours(&neutral) {
        return None;
    }
    let turned = product(hue(f64::from(p.hue)), saturation(f64::from(p.saturation)));
    // The rows of both maps add up to 1: grey stays grey, so an offset of all channels passes through.
    let map = turned.map(|[r, g, b]| [r * scale, g * scale, b * scale, offset + added]);
    Some(Colour::Rgb(map.map(|row| row.map(|number| number as f32))))
}

fn saturation(factor: f64) -> [[f64; 3]; 3] {
    let mut map = [LUMA.map(|share| (1.0 - factor) * share); 3];
    for (channel, row) in map.iter_mut().enumerate() {
        row[channel] += factor;
    }
    map
}

fn hue(degrees: f64) -> [[f64; 3]; 3] {
    // U and V of YUV (BT.601) for a difference of 1 of blue or red from luma.
    const U: f64 = 0.492;
    const V: f64 = 0.877;
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let mut map = [[0.0; 3]; 3];
    for colour in 0..3 {
        let pure = |channel| f64::from(u8::from(channel == colour));
        let luma = LUMA[colour];
        let (u, v) = (U * (pure(2) - luma), V * (pure(0) - luma));
        let (u, v) = (cosine * u - sine * v, sine * u + cosine * v);
        let (red, blue) = (luma + v / V, luma + u / U);
        let green = (luma - LUMA[0] * red - LUMA[2] * blue) / LUMA[1];
        [map[0][colour], map[1][colour], map[2][colour]] = [red, green, blue];
    }
    map
}

/// First `b`, then `a`.
fn product(a: [[f64; 3]; 3], b: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    a.map(|row| [0, 1, 2].map(|column| (0..3).map(|k| row[k] * b[k][column]).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(parameters: Parameters, pixel: [f64; 3]) -> [f64; 3] {
        let Some(Colour::Rgb(map)) = of(&parameters, 3) else { panic!("no map of three colours") };
        map.map(|row| (0..3).map(|k| f64::from(row[k]) * pixel[k]).sum::<f64>() + f64::from(row[3]))
    }

    fn assert_near(a: [f64; 3], b: [f64; 3]) {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4), "{a:?} is not {b:?}");
    }

    fn luma(pixel: [f64; 3]) -> f64 {
        pixel.iter().zip(LUMA).map(|(x, share)| x * share).sum()
    }

    const NEUTRAL: fn() -> Parameters = Parameters::default;
    const PIXEL: [f64; 3] = [200.0, 80.0, 30.0];

    #[test]
    fn nothing_to_change_is_no_map() {
        assert_eq!(of(&NEUTRAL(), 3), None);
        assert_eq!(of(&NEUTRAL(), 1), None);
        // A grey picture has neither saturation nor hue.
        assert_eq!(of(&Parameters { saturation: 0.3, hue: 90.0, ..NEUTRAL() }, 1), None);
    }

    #[test]
    fn each_change_is_what_its_definition_says() {
        assert_near(mapped(Parameters { brightness: 1.5, ..NEUTRAL() }, PIXEL), [300.0, 120.0, 45.0]);
        let contrast = mapped(Parameters { contrast: 0.5, ..NEUTRAL() }, PIXEL);
        assert_near(contrast, PIXEL.map(|x| 127.5 + 0.5 * (x - 127.5)));
        assert_near(mapped(Parameters { channel_shift: -20.0, ..NEUTRAL() }, PIXEL), [180.0, 60.0, 10.0]);
        // Pillow: ImageEnhance.Color blends with the picture in grey.
        let grey = luma(PIXEL);
        assert_near(mapped(Parameters { saturation: 0.0, ..NEUTRAL() }, PIXEL), [grey; 3]);
        let vivid = mapped(Parameters { saturation: 1.75, ..NEUTRAL() }, PIXEL);
        assert_near(vivid, PIXEL.map(|x| grey + 1.75 * (x - grey)));
        let expected = Colour::Each { scale: 0.75, offset: 127.5 * 0.5 + 10.0 };
        let grey = Parameters { brightness: 1.5, contrast: 0.5, channel_shift: 10.0, ..NEUTRAL() };
        assert_eq!(of(&grey, 1), Some(expected));
    }

    #[test]
    fn hue_keeps_luma_and_grey_and_comes_round() {
        for degrees in [-180.0, -70.0, 10.0, 120.0, 180.0f32] {
            let turned = |pixel| mapped(Parameters { hue: degrees, ..NEUTRAL() }, pixel);
            assert!((luma(turned(PIXEL)) - luma(PIXEL)).abs() < 1e-4);
            assert_near(turned([90.0; 3]), [90.0; 3]);
            let back = mapped(Parameters { hue: -degrees, ..NEUTRAL() }, turned(PIXEL));
            assert_near(back, PIXEL);
        }
        assert_near(mapped(Parameters { hue: 360.0, ..NEUTRAL() }, PIXEL), PIXEL);
        // Half a turn exchanges a colour and its complement about grey.
        let grey = luma(PIXEL);
        assert_near(mapped(Parameters { hue: 180.0, ..NEUTRAL() }, PIXEL), PIXEL.map(|x| 2.0 * grey - x));
        // From red, a positive angle goes through yellow: green rises, blue falls.
        let [_, green, blue] = mapped(Parameters { hue: 40.0, ..NEUTRAL() }, [200.0, 50.0, 50.0]);
        assert!(green > 50.0 && blue < 50.0, "{green} {blue}");
    }

    #[test]
    fn the_order_is_brightness_contrast_saturation_hue_shift() {
        let all = Parameters {
            brightness: 1.2,
            contrast: 0.7,
            saturation: 1.4,
            hue: 25.0,
            channel_shift: 9.0,
            ..NEUTRAL()
        };
        let mut pixel = mapped(Parameters { brightness: 1.2, ..NEUTRAL() }, PIXEL);
        pixel = mapped(Parameters { contrast: 0.7, ..NEUTRAL() }, pixel);
        pixel = mapped(Parameters { saturation: 1.4, ..NEUTRAL() }, pixel);
        pixel = mapped(Parameters { hue: 25.0, ..NEUTRAL() }, pixel);
        pixel = mapped(Parameters { channel_shift: 9.0, ..NEUTRAL() }, pixel);
        assert_near(mapped(all, PIXEL), pixel);
    }
}
