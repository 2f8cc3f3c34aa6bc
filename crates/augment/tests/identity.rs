//! Changes that move whole pixels or nothing are exact.

use convnet_augment::*;
use convnet_cpu::simd::{Isa, using};
use convnet_tensor::{Pixels, Purpose, Seed, Stream};

const RANGES: [Pixels; 4] = [
    Pixels::ZeroToOne,
    Pixels::MinusOneToOne,
    Pixels::CaffeBgr,
    Pixels::MeanStd { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
];

fn stream(item: u64) -> Stream {
    Seed(7).stream(Purpose::Augment, 0, item)
}

fn bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Seed(len as u64).stream(Purpose::Check, 0, 0).fill_bytes(&mut bytes);
    bytes
}

fn written(transform: &Transform, picture: &[u8], pixels: Pixels) -> Vec<f32> {
    let mut slot = vec![f32::NAN; transform.output_shape().iter().product()];
    transform.write(picture, pixels, &mut slot);
    slot
}

fn as_bytes(transform: &Transform, picture: &[u8]) -> Vec<u8> {
    let mut to = vec![0; transform.output_shape().iter().product()];
    transform.write_bytes(picture, &mut to);
    to
}

#[test]
fn identity_ranges_give_the_identical_picture() {
    let whole = ResizedCrop { area: [1.0; 2], aspect: [1.0; 2] };
    for shape in [[150, 150, 3], [1, 1, 3], [1, 9, 3], [9, 1, 3], [2, 67, 3], [37, 14, 3]] {
        let picture = bytes(shape.iter().product());
        for fill in [Fill::Nearest, Fill::Constant(3.0), Fill::Reflect, Fill::Wrap] {
            let none = Augment { fill, ..Augment::none() };
            let cropped = Augment { crop: Some([shape[0], shape[1]]), ..none };
            let resized = Augment { resized_crop: Some(whole), ..none };
            for (number, augment) in [none, cropped, resized].iter().enumerate() {
                let transform = augment.draw(shape, &mut stream(number as u64));
                assert_eq!(transform.matrix(), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
                assert_eq!(as_bytes(&transform, &picture), picture);
                for pixels in RANGES {
                    let mut expected = vec![f32::NAN; picture.len()];
                    pixels.write(3, &picture, &mut expected);
                    for isa in Isa::available() {
                        let found = using(isa, || written(&transform, &picture, pixels));
                        assert_eq!(found, expected, "{shape:?} {fill:?} {pixels:?} on {}", isa.name());
                    }
                }
            }
        }
    }
    for channels in [1, 2, 4, 7] {
        let shape = [11, 13, channels];
        let picture = bytes(shape.iter().product());
        let transform = Augment::none().draw(shape, &mut stream(0));
        let mut expected = vec![f32::NAN; picture.len()];
        Pixels::MinusOneToOne.write(channels, &picture, &mut expected);
        assert_eq!(written(&transform, &picture, Pixels::MinusOneToOne), expected);
    }
}

#[test]
fn flips_exchange_sides_and_twice_is_identity() {
    let shape = [3, 5, 3];
    let picture = bytes(45);
    for (horizontal_flip, vertical_flip) in [(true, false), (false, true), (true, true)] {
        let parameters = Parameters { horizontal_flip, vertical_flip, ..Parameters::default() };
        let flip = Transform::new(parameters, shape, Fill::Constant(0.0));
        let once = as_bytes(&flip, &picture);
        for (y, x) in (0..3).flat_map(|y| (0..5).map(move |x| (y, x))) {
            let from_x = if horizontal_flip { 4 - x } else { x };
            let from_y = if vertical_flip { 2 - y } else { y };
            assert_eq!(once[(y * 5 + x) * 3..][..3], picture[(from_y * 5 + from_x) * 3..][..3]);
        }
        assert_eq!(as_bytes(&flip, &once), picture);
    }
}

#[test]
fn quarter_turns_move_pixels_exactly() {
    for side in [1, 2, 9, 70] {
        let shape = [side, side, 3];
        let picture = bytes(side * side * 3);
        for fill in [Fill::Nearest, Fill::Constant(0.0), Fill::Reflect, Fill::Wrap] {
            let turn = |degrees| {
                let parameters = Parameters { rotation: degrees, ..Parameters::default() };
                Transform::new(parameters, shape, fill)
            };
            let turned = as_bytes(&turn(90.0), &picture);
            for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
                // Counter-clockwise: what was the last column is the first row.
                let from = &picture[(x * side + side - 1 - y) * 3..][..3];
                assert_eq!(turned[(y * side + x) * 3..][..3], *from);
            }
            let mut back = picture.clone();
            for _ in 0..4 {
                back = as_bytes(&turn(90.0), &back);
            }
            assert_eq!(back, picture);
            assert_eq!(as_bytes(&turn(-90.0), &turned), picture);
            assert_eq!(as_bytes(&turn(180.0), &picture), as_bytes(&turn(90.0), &turned));
        }
    }
}

#[test]
fn a_crop_is_cut_out_as_it_is() {
    let (shape, augment) = ([8, 10, 3], Augment { crop: Some([3, 4]), ..Augment::none() });
    let picture = bytes(240);
    assert_eq!(augment.output_shape(shape), [3, 4, 3]);
    for item in 0..50 {
        let transform = augment.draw(shape, &mut stream(item));
        let Window { left, top, .. } = transform.parameters().window.unwrap();
        let expected = (0..3).flat_map(|y| {
            let start = ((top as usize + y) * 10 + left as usize) * 3;
            picture[start..start + 12].iter().copied()
        });
        assert_eq!(as_bytes(&transform, &picture), expected.collect::<Vec<u8>>());
    }
}

#[test]
fn a_crop_larger_than_the_picture_holds_it_whole() {
    let augment = Augment { crop: Some([7, 9]), fill: Fill::Constant(255.0), ..Augment::none() };
    let picture = [1, 2, 3, 4];
    for item in 0..50 {
        let transform = augment.draw([2, 2, 1], &mut stream(item));
        let cropped = as_bytes(&transform, &picture);
        let inside: Vec<u8> = cropped.iter().copied().filter(|&x| x != 255).collect();
        assert_eq!(inside, picture);
    }
}

#[test]
fn a_hole_is_painted_and_nothing_else() {
    let hole = Hole { left: 2, top: 1, width: 3, height: 2, patch: Patch::Grey(200) };
    let shape = [4, 6, 3];
    let picture = vec![10; 72];
    let transform =
        Transform::new(Parameters { hole: Some(hole), ..Parameters::default() }, shape, Fill::Nearest);
    let expected = (0..24).flat_map(|pixel| {
        let (y, x) = (pixel / 6, pixel % 6);
        [if (1..3).contains(&y) && (2..5).contains(&x) { 200 } else { 10 }; 3]
    });
    let expected: Vec<u8> = expected.collect();
    assert_eq!(as_bytes(&transform, &picture), expected);
    for pixels in RANGES {
        let mut numbers = vec![0.0; 72];
        pixels.write(3, &expected, &mut numbers);
        assert_eq!(written(&transform, &picture, pixels), numbers);
    }
    // What hangs over is cut, and what lies outside is not there.
    for (left, top) in [(5, 3), (6, 0), (0, 4), (usize::MAX, usize::MAX)] {
        let hole = Hole { left, top, width: usize::MAX, height: usize::MAX, patch: Patch::Noise };
        let parameters = Parameters { hole: Some(hole), ..Parameters::default() };
        let changed = as_bytes(&Transform::new(parameters, shape, Fill::Nearest), &picture);
        let changed = changed.chunks(3).filter(|pixel| *pixel != [10; 3]).count();
        assert_eq!(changed, usize::from((left, top) == (5, 3)));
    }
}

#[test]
fn noise_has_the_deviation_asked_for_and_stays_in_range() {
    let shape = [100, 100, 3];
    let parameters = Parameters { noise: 12.0, noise_seed: 5, ..Parameters::default() };
    let transform = Transform::new(parameters, shape, Fill::Nearest);
    for pixels in RANGES {
        let [grey, white, black] = [127, 255, 0].map(|byte| {
            let mut numbers = [0.0; 3];
            pixels.write(3, &[byte; 3], &mut numbers);
            numbers
        });
        let slot = written(&transform, &[127; 30_000], pixels);
        for channel in 0..3 {
            let scale = (white[channel] - black[channel]) / 255.0;
            let noise = slot.iter().skip(channel).step_by(3).map(|x| f64::from((x - grey[channel]) / scale));
            let noise: Vec<f64> = noise.collect();
            let mean = noise.iter().sum::<f64>() / 1e4;
            let variance = noise.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e4;
            // Five standard errors of mean and deviation of 10,000 numbers.
            assert!(mean.abs() < 0.6 && (variance.sqrt() - 12.0).abs() < 0.43, "{mean} {variance}");
            // Normal, not just of this variance: 68.3 % within one deviation, 95.4 % within two.
            let within = |most: f64| noise.iter().filter(|x| x.abs() < most).count();
            assert!(within(12.0).abs_diff(6_827) < 240 && within(24.0).abs_diff(9_545) < 110);
        }
        let bright = written(&transform, &[250; 30_000], pixels);
        assert!(bright.chunks(3).all(|pixel| (0..3).all(|c| pixel[c] <= white[c])));
    }
    assert_eq!(written(&transform, &[90; 30_000], RANGES[0]), written(&transform, &[90; 30_000], RANGES[0]));
}
