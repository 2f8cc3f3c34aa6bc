//! Colour maps, overlays and resizing.

use convnet_tensor::Tensor;
use convnet_visualize::heatmaps::{largest, normalized, summed};
use convnet_visualize::{Blend, ColourMap, coloured, overlay, resized};

/// How light a colour looks, L* of CIELAB.
fn lightness([red, green, blue]: [u8; 3]) -> f64 {
    let linear = |level: u8| {
        let level = f64::from(level) / 255.0;
        if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    if luminance > 0.008856 { 116.0 * luminance.cbrt() - 16.0 } else { 903.3 * luminance }
}

#[test]
fn sound_maps_grow_lighter_in_equal_steps_and_jet_does_not() {
    let steps = |map: ColourMap| -> Vec<f64> {
        let lights: Vec<_> = (0..=20).map(|step| lightness(map.colour(step as f32 / 20.0))).collect();
        lights.windows(2).map(|pair| pair[1] - pair[0]).collect()
    };
    for map in [ColourMap::Viridis, ColourMap::Inferno, ColourMap::Cividis] {
        assert!(steps(map).iter().all(|step| (1.5..8.0).contains(step)), "{map:?}: {:?}", steps(map));
    }
    assert!(steps(ColourMap::Jet).iter().any(|step| *step < -2.0), "jet darkens on its way");
}

#[test]
fn jet_is_that_of_opencv() {
    // cv2.applyColorMap of 0, 32, 96, 128, 160, 224, 255, red first.
    for (level, colour) in [
        (0, [0, 0, 128]),
        (32, [0, 0, 255]),
        (96, [0, 255, 255]),
        (160, [255, 255, 0]),
        (224, [255, 0, 0]),
        (255, [128, 0, 0]),
    ] {
        let found = ColourMap::Jet.colour(level as f32 / 255.0);
        let off = found.iter().zip(colour).map(|(&a, b): (&u8, i32)| (i32::from(a) - b).abs()).max().unwrap();
        assert!(off <= 4, "{level}: {found:?} instead of {colour:?}");
    }
}

#[test]
fn maps_are_coloured_from_nothing_to_the_most() {
    let heat = Tensor::from_slice([1, 4], &[-3.0, 0.0, 2.0, f32::NAN]).unwrap();
    let found = coloured(&heat, ColourMap::Viridis).unwrap();
    let ends = [ColourMap::Viridis.colour(0.0), ColourMap::Viridis.colour(1.0)];
    assert_eq!(found.data(), [ends[0], ends[0], ends[1], [128; 3]].concat());
    let signed = coloured(&heat, ColourMap::Diverging).unwrap();
    let [blue, white, red] =
        [0, 1, 2].map(|i| <[u8; 3]>::try_from(&signed.data()[i * 3..i * 3 + 3]).unwrap());
    assert!(blue[2] > blue[0] && red[0] > red[2] && white.iter().all(|level| *level > 230));
    let cold = coloured(&Tensor::full([2, 2], -1.0), ColourMap::Inferno).unwrap();
    assert_eq!(cold.data(), [ColourMap::Inferno.colour(0.0); 4].concat());
    assert!(coloured(&Tensor::zeros([1, 2, 2]), ColourMap::Jet).is_err());
}

#[test]
fn an_overlay_is_the_books_or_a_mixture() {
    let picture = Tensor::from_fn([4, 6, 1], |i| (i * 10) as u8);
    let heat = Tensor::from_fn([2, 3], |i| i as f32);
    let large = resized(&heat.reshaped([1, 2, 3]).unwrap(), [4, 6]).unwrap();
    let colours = coloured(&large.reshaped([4, 6]).unwrap(), ColourMap::Jet).unwrap();
    let added = overlay(&picture, &heat, ColourMap::Jet, Blend::Added(0.4)).unwrap();
    let mixed = overlay(&picture, &heat, ColourMap::Jet, Blend::Mixed(0.25)).unwrap();
    for i in 0..4 * 6 * 3 {
        let (pixel, colour) = (f32::from(picture.data()[i / 3]), f32::from(colours.data()[i]));
        assert_eq!(added.data()[i], (pixel + 0.4 * colour).min(255.0) as u8);
        assert_eq!(mixed.data()[i], (0.75 * pixel + 0.25 * colour).round() as u8);
    }
    assert!(overlay(&picture, &heat, ColourMap::Jet, Blend::Mixed(1.5)).is_err());
    assert!(overlay(&picture, &heat, ColourMap::Jet, Blend::Added(f32::NAN)).is_err());
    assert!(overlay(&Tensor::zeros([4, 6, 2]), &heat, ColourMap::Jet, Blend::Added(1.0)).is_err());
}

#[test]
fn maps_are_resized_linearly() {
    // A plane stays a plane between the outermost centres.
    let plane = |row: f32, column: f32| 2.0 * row - 3.0 * column + 1.0;
    let from = Tensor::from_fn([1, 5, 7], |i| plane((i / 7) as f32, (i % 7) as f32));
    let to = resized(&from, [20, 21]).unwrap();
    for (row, column) in (2..18).flat_map(|row| (1..20).map(move |column| (row, column))) {
        let expected = plane((row as f32 + 0.5) / 4.0 - 0.5, (column as f32 + 0.5) / 3.0 - 0.5);
        assert!((to.data()[row * 21 + column] - expected).abs() < 1e-4);
    }
    // Beyond them the edge goes on, and the same size changes nothing.
    assert_eq!((to.data()[0], to.data()[20 * 21 - 1]), (1.0, plane(4.0, 6.0)));
    assert_eq!(resized(&from, [5, 7]).unwrap(), from);
    assert_eq!(resized(&Tensor::full([2, 1, 1], 3.0), [4, 2]).unwrap(), Tensor::full([2, 4, 2], 3.0));
    assert!(resized(&from, [0, 3]).is_err() && resized(&Tensor::zeros([5, 7]), [3, 3]).is_err());
}

#[test]
fn channels_and_maps_are_brought_together() {
    let x = Tensor::from_slice([1, 1, 2, 3], &[1.0, -4.0, 2.0, -0.5, 0.25, 0.0]).unwrap();
    assert_eq!(largest(&x).unwrap().data(), [4.0, 0.5]);
    assert_eq!(summed(&x).unwrap().data(), [-1.0, -0.25]);
    let heat = Tensor::from_slice([2, 1, 3], &[-2.0, 1.0, 4.0, -1.0, 0.0, -3.0]).unwrap();
    assert_eq!(normalized(&heat).unwrap().data(), [0.0, 0.25, 1.0, 0.0, 0.0, 0.0]);
    assert!(largest(&heat).is_err() && normalized(&x).is_err());
}
