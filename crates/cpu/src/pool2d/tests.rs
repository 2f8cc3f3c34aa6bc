//! Every pooling against its plain-loop twin, for random shapes.

use super::{Geometry, average, global, max};
use crate::reference::pool2d as reference;
use crate::testing::{assert_close, numbers, same_for_any_threads, widened};
use crate::window::{Borders, Window};
use proptest::prelude::*;

/// Any window: overlapping, with gaps, dilated, padded (even wider than the window), "same", or the 2×2 with stride 2.
fn geometries() -> impl Strategy<Value = Geometry> {
    let pair = |range: std::ops::Range<usize>| [range.clone(), range];
    let window = (pair(1..5), pair(1..4), pair(1..4), prop::array::uniform4(0usize..6), 0..4);
    let picture = (1usize..12, 1usize..12, 1usize..20);
    (window, picture).prop_filter_map(
        "the window does not fit",
        |((size, stride, dilation, [top, bottom, left, right], kind), (height, width, channels))| {
            let dense = Window::new(size, stride);
            let window = match kind {
                0 => Window::new([2, 2], [2, 2]),
                1 => dense.padded_same(height, width),
                2 => Window { dilation, ..dense },
                _ => Window { dilation, padding: Borders { top, bottom, left, right }, ..dense },
            };
            let geometry = Geometry { height, width, channels, window };
            (geometry.output_len() > 0).then_some(geometry)
        },
    )
}

/// Numbers of which many are equal, some −0, NaN or −∞.
fn with_ties(len: usize, seed: u32, special: bool) -> Vec<f32> {
    let special_values = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, -0.0];
    let number = |x: f32| {
        let step = (x * 6.0).round();
        if special && step.abs() >= 5.0 { special_values[(x.to_bits() >> 3) as usize % 4] } else { step }
    };
    numbers(len, seed).into_iter().map(number).collect()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn max_pooling_is_the_reference_bit_for_bit(
        geometry in geometries(), pictures in 0usize..4, seed: u32, special: bool,
    ) {
        let x = with_ties(pictures * geometry.input_len(), seed, special);
        let dy = numbers(pictures * geometry.output_len(), seed ^ 1);
        let (mut y, mut argmax) = (dy.clone(), vec![7; dy.len()]);
        let (mut exact, mut exact_argmax) = (dy.clone(), vec![8; dy.len()]);
        max::forward(&geometry, &x, &mut y, Some(&mut argmax));
        reference::max::forward(&geometry, &x, &mut exact, Some(&mut exact_argmax));
        prop_assert_eq!(bits(&y), bits(&exact));
        prop_assert_eq!(&argmax, &exact_argmax);
        let mut alone = dy.clone();
        max::forward(&geometry, &x, &mut alone, None);
        prop_assert_eq!(bits(&y), bits(&alone), "the arg-max changes no bit");

        let (mut dx, mut exact_dx) = (x.clone(), widened(&x));
        max::gradient(&geometry, &dy, &argmax, &mut dx);
        reference::max::gradient(&geometry, &widened(&dy), &exact_argmax, &mut exact_dx);
        assert_close(&dx, &exact_dx, 1e-6);
    }

    #[test]
    fn average_pooling_agrees_with_the_reference(geometry in geometries(), pictures in 0usize..4, seed: u32) {
        let x = numbers(pictures * geometry.input_len(), seed);
        let dy = numbers(pictures * geometry.output_len(), seed ^ 1);
        let (mut y, mut exact) = (dy.clone(), widened(&dy));
        average::forward(&geometry, &x, &mut y);
        reference::average::forward(&geometry, &widened(&x), &mut exact);
        assert_close(&y, &exact, 1e-6);
        let (mut dx, mut exact_dx) = (x.clone(), widened(&x));
        average::gradient(&geometry, &dy, &mut dx);
        reference::average::gradient(&geometry, &widened(&dy), &mut exact_dx);
        assert_close(&dx, &exact_dx, 1e-6);
        // Averaging is linear, so <A x, dy> = <x, Aᵀ dy>.
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (there, back) = (dot(&exact, &widened(&dy)), dot(&widened(&x), &exact_dx));
        prop_assert!((there - back).abs() < 1e-9 * (1.0 + there.abs()));
    }

    #[test]
    fn global_averages_agree_with_the_reference(
        pixels in 1usize..200, channels in 1usize..40, pictures in 0usize..4, seed: u32,
    ) {
        let x = numbers(pictures * pixels * channels, seed);
        let dy = numbers(pictures * channels, seed ^ 1);
        let (mut y, mut exact) = (dy.clone(), widened(&dy));
        global::average(pixels, channels, &x, &mut y);
        reference::global::average(pixels, channels, &widened(&x), &mut exact);
        assert_close(&y, &exact, 1e-6);
        let (mut dx, mut exact_dx) = (x.clone(), widened(&x));
        global::average_gradient(pixels, channels, &dy, &mut dx);
        reference::global::average_gradient(pixels, channels, &widened(&dy), &mut exact_dx);
        assert_close(&dx, &exact_dx, 1e-7);
    }
}

#[test]
fn the_first_maximum_wins_and_nan_is_never_hidden() {
    let geometry = Geometry { height: 2, width: 2, channels: 1, window: Window::new([2, 2], [2, 2]) };
    let dense = Geometry {
        window: Window { padding: Borders { bottom: 1, ..Borders::default() }, ..geometry.window },
        ..geometry
    };
    let nan = f32::NAN;
    for geometry in [geometry, dense] {
        for (x, winner) in [
            ([3.0, 3.0, 3.0, 3.0], 0),
            ([1.0, 3.0, 3.0, 2.0], 1),
            ([-0.0, 0.0, -0.0, 0.0], 0),
            ([f32::NEG_INFINITY; 4], 0),
            ([1.0, nan, 9.0, nan], 1),
            ([1.0, 2.0, f32::INFINITY, nan], 3),
        ] {
            let (mut y, mut argmax) = ([7.0], [7]);
            max::forward(&geometry, &x, &mut y, Some(&mut argmax));
            assert_eq!((y[0].to_bits(), argmax[0]), (x[winner].to_bits(), winner as u32), "{x:?}");
        }
    }
}

#[test]
fn a_window_in_the_padding_holds_nothing() {
    let padding = Borders { top: 2, ..Borders::default() };
    let window = Window { padding, ..Window::new([2, 1], [2, 1]) };
    let geometry = Geometry { height: 2, width: 1, channels: 1, window };
    let (mut y, mut argmax, mut dx) = ([7.0; 2], [7; 2], [7.0; 2]);
    max::forward(&geometry, &[-5.0, -6.0], &mut y, Some(&mut argmax));
    assert_eq!((y, argmax), ([f32::NEG_INFINITY, -5.0], [u32::MAX, 0]));
    max::gradient(&geometry, &[1.0, 2.0], &argmax, &mut dx);
    assert_eq!(dx, [2.0, 0.0]);
    average::forward(&geometry, &[-5.0, -6.0], &mut y);
    assert_eq!(y, [0.0, -5.5]);
    average::gradient(&geometry, &[1.0, 2.0], &mut dx);
    assert_eq!(dx, [1.0, 1.0]);
}

#[test]
fn padding_is_left_out_of_the_mean() {
    let window = Window::new([3, 3], [1, 1]).padded_same(2, 2);
    let geometry = Geometry { height: 2, width: 2, channels: 1, window };
    let mut y = [0.0; 4];
    average::forward(&geometry, &[1.0; 4], &mut y);
    assert_eq!(y, [1.0; 4]);
}

#[test]
fn threads_change_no_bit() {
    for window in [Window::new([2, 2], [2, 2]), Window::new([3, 3], [2, 2]).padded_same(41, 37)] {
        let geometry = Geometry { height: 41, width: 37, channels: 9, window };
        let x = numbers(11 * geometry.input_len(), 17);
        let dy = numbers(11 * geometry.output_len(), 19);
        same_for_any_threads(|| {
            let (mut y, mut argmax, mut dx) = (dy.clone(), vec![0; dy.len()], x.clone());
            max::forward(&geometry, &x, &mut y, Some(&mut argmax));
            let mut out = y.clone();
            max::forward(&geometry, &x, &mut y, None);
            out.extend_from_slice(&y);
            max::gradient(&geometry, &dy, &argmax, &mut dx);
            out.extend_from_slice(&dx);
            average::forward(&geometry, &x, &mut y);
            average::gradient(&geometry, &y, &mut dx);
            out.extend(y.iter().chain(&dx));
            let mut means = vec![0.0; 11 * 9];
            global::average(41 * 37, 9, &x, &mut means);
            global::average_gradient(41 * 37, 9, &means, &mut dx);
            [out, means, dx].concat()
        });
    }
}
