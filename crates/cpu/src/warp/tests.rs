use super::*;
use crate::parallel;
use crate::reference::warp as reference;
use crate::simd::{Isa, using};
use crate::testing::{assert_close, same_for_any_threads};
use proptest::prelude::*;

const IDENTITY: [[f64; 3]; 2] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

fn bytes(len: usize, seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed) << 16 | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn shows(picture: [usize; 3], matrix: [[f64; 3]; 2]) -> Warp {
    let [height, width, _] = picture;
    Warp { picture, output: [height, width], matrix, fill: Fill::Nearest, colour: None, range: Range::BYTES }
}

/// What the fast loop writes over numbers that it must not keep.
fn written(warp: &Warp, picture: &[u8]) -> Vec<f32> {
    let mut to = vec![f32::NAN; warp.output_len()];
    bilinear(warp, picture, &mut to);
    to
}

fn fill() -> impl Strategy<Value = Fill> {
    prop_oneof![
        Just(Fill::Nearest),
        Just(Fill::Reflect),
        Just(Fill::Wrap),
        (0u8..=255).prop_map(|value| Fill::Constant(f32::from(value))),
    ]
}

/// A picture and what to do with it. Steps of the matrix are multiples of 1/64: places are exact in f32, so that on a hard
/// edge both loops decide alike.
fn warp() -> impl Strategy<Value = Warp> {
    let sizes = (1usize..24, 1usize..80, 1usize..6, 1usize..12, 1usize..150);
    let matrix = (prop::array::uniform4(-128i32..=128), prop::array::uniform2(-3000i32..=5000));
    let numbers = (prop::array::uniform4(-1.5f32..1.5), -60.0f32..60.0, any::<bool>(), 0usize..4);
    (sizes, matrix, fill(), numbers).prop_map(|(sizes, ([a, b, d, e], [c, f]), fill, numbers)| {
        let (height, width, channels, rows, columns) = sizes;
        let matrix = [[a, b, c], [d, e, f]].map(|row| row.map(|number| f64::from(number) / 64.0));
        let ([a, b, c, d], offset, bgr, kind) = numbers;
        let colour = match kind {
            0 => None,
            1 | 2 if channels == 3 => {
                Some(Colour::Rgb([[a, b, c, offset], [b, c, d, -offset], [c, a, b, 100.0]]))
            }
            _ => Some(Colour::Each { scale: a, offset }),
        };
        let range = match kind {
            0 | 1 => Range { divisor: 127.5, mean: [1.0; 3], deviation: [1.0; 3], bgr: false },
            _ if channels == 3 => {
                Range { divisor: 2.0, mean: [9.0, 30.0, -7.0], deviation: [0.5, 3.0, 2.0], bgr }
            }
            _ => Range::BYTES,
        };
        Warp { picture: [height, width, channels], output: [rows, columns], matrix, fill, colour, range }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_instruction_set_agrees_with_the_reference(warp in warp(), seed: u32) {
        let picture = bytes(warp.picture.iter().product(), seed);
        let mut exact = vec![0.0f64; warp.output_len()];
        reference::bilinear(&warp, &picture, &mut exact);
        for isa in Isa::available() {
            assert_close(&using(isa, || written(&warp, &picture)), &exact, 3e-6);
        }
    }

    /// Where nothing jumps, a place that is off by its rounding is off by that times the steepest slope.
    #[test]
    fn rounded_places_move_a_pixel_by_little(
        mut warp in warp(),
        steps in prop::array::uniform4(-2.0f64..2.0),
        start in prop::array::uniform2(-300.0f64..300.0),
        seed: u32,
    ) {
        prop_assume!(!matches!(warp.fill, Fill::Constant(_)));
        let ([a, b, d, e], [c, f]) = (steps, start);
        warp = Warp { matrix: [[a, b, c], [d, e, f]], colour: None, range: Range::BYTES, ..warp };
        let picture = bytes(warp.picture.iter().product(), seed);
        let mut exact = vec![0.0f64; warp.output_len()];
        reference::bilinear(&warp, &picture, &mut exact);
        for isa in Isa::available() {
            for (x, exact) in using(isa, || written(&warp, &picture)).into_iter().zip(&exact) {
                prop_assert!((f64::from(x) - exact).abs() < 0.08, "{x} instead of {exact} on {}", isa.name());
            }
        }
    }

    /// Neither panics nor leaves a slot unwritten, and what is written is between the darkest and the brightest.
    #[test]
    fn any_matrix_is_harmless(
        mut warp in warp(),
        matrix in prop::array::uniform2(prop::array::uniform3(any::<f64>())),
        seed: u32,
    ) {
        warp = Warp { matrix, colour: None, range: Range::BYTES, ..warp };
        let picture = bytes(warp.picture.iter().product(), seed);
        for isa in Isa::available() {
            let written = using(isa, || written(&warp, &picture));
            prop_assert!(written.iter().all(|x| (0.0..=255.0).contains(x)), "{written:?}");
        }
    }
}

#[test]
fn what_is_not_finite_is_harmless() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -1e300, 1e38, -3e9, f64::MIN_POSITIVE];
    for fill in [Fill::Nearest, Fill::Constant(9.0), Fill::Reflect, Fill::Wrap] {
        for picture in [[1, 1, 1], [1, 7, 3], [7, 1, 3], [2, 2, 3], [5, 6, 4]] {
            for place in 0..6 {
                for value in odd {
                    let mut matrix = IDENTITY;
                    matrix[place / 3][place % 3] = value;
                    let warp = Warp { fill, ..shows(picture, matrix) };
                    let pixels = bytes(picture.iter().product(), 3);
                    for isa in Isa::available() {
                        let written = using(isa, || written(&warp, &pixels));
                        assert!(written.iter().all(|x| (0.0..=255.0).contains(x)), "{warp:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn moves_by_whole_pixels_are_exact() {
    let picture = [5, 70, 3];
    let pixels = bytes(5 * 70 * 3, 1);
    let numbers: Vec<f32> = pixels.iter().map(|&x| f32::from(x)).collect();
    let range = Range { divisor: 255.0, ..Range::BYTES };
    for isa in Isa::available() {
        using(isa, || {
            for fill in [Fill::Nearest, Fill::Constant(0.0), Fill::Reflect, Fill::Wrap] {
                let identity = Warp { fill, ..shows(picture, IDENTITY) };
                assert_eq!(written(&identity, &pixels), numbers);
                let quotients: Vec<f32> = numbers.iter().map(|x| x / 255.0).collect();
                assert_eq!(written(&Warp { range, ..identity }, &pixels), quotients);

                let half_turn = Warp { fill, ..shows(picture, [[-1.0, 0.0, 69.0], [0.0, -1.0, 4.0]]) };
                let turned: Vec<f32> = numbers.rchunks_exact(3).flatten().copied().collect();
                assert_eq!(written(&half_turn, &pixels), turned);

                let transposed =
                    Warp { output: [70, 5], matrix: [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], ..identity };
                let expected = (0..70).flat_map(|x| (0..5).map(move |y| y * 70 + x));
                let expected: Vec<f32> =
                    expected.flat_map(|pixel| numbers[3 * pixel..][..3].to_vec()).collect();
                assert_eq!(written(&transposed, &pixels), expected);
            }
        });
    }
}

/// The sine of half a turn is 1.2e-16 in f64: the outermost rows of a turned picture lie that much outside.
#[test]
fn rounded_sines_lose_no_row_to_a_hard_edge() {
    let (sine, cosine) = std::f64::consts::PI.sin_cos();
    let matrix = [[cosine, -sine, 9.0 + 9.0 * sine], [sine, cosine, 9.0 - 9.0 * sine]];
    let warp = Warp { fill: Fill::Constant(1e6), ..shows([10, 10, 3], matrix) };
    assert!(written(&warp, &bytes(300, 2)).iter().all(|&x| x <= 255.0));
}

#[test]
fn pictures_in_parallel_are_the_same_as_one_after_the_other() {
    let turned = [[0.8, -0.6, 40.0], [0.6, 0.8, -9.0]];
    let warp = Warp { fill: Fill::Wrap, ..shows([30, 50, 3], turned) };
    let pictures: Vec<Vec<u8>> = (0..9).map(|seed| bytes(30 * 50 * 3, seed)).collect();
    same_for_any_threads(|| {
        let mut batch = vec![f32::NAN; 9 * warp.output_len()];
        parallel::for_each_chunk(&mut batch, warp.output_len(), |index, to| {
            bilinear(&warp, &pictures[index], to);
        });
        batch
    });
}

#[test]
#[should_panic(expected = "colours of 4 channels")]
fn red_green_and_blue_want_three_channels() {
    let warp = Warp { colour: Some(Colour::Rgb([[0.0; 4]; 3])), ..shows([2, 2, 4], IDENTITY) };
    bilinear(&warp, &[0; 16], &mut [0.0; 16]);
}

#[test]
#[should_panic(expected = "length of the picture")]
fn a_picture_of_another_size_is_refused() {
    bilinear(&shows([2, 2, 3], IDENTITY), &[0; 11], &mut [0.0; 12]);
}
