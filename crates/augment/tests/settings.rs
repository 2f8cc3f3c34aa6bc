//! Settings: as text, checked, and harmless where they are not.

use convnet_augment::*;
use convnet_tensor::{Pixels, Purpose, Seed};
use proptest::prelude::*;

#[test]
fn settings_survive_text() {
    let all = Augment {
        crop: Some([3, 4]),
        resized_crop: Some(ResizedCrop { area: [0.5, 1.0], aspect: [0.9, 1.1] }),
        brightness: 0.1,
        contrast: 0.2,
        saturation: 0.3,
        hue: 4.0,
        channel_shift: 5.0,
        blur: 0.6,
        noise: 7.0,
        erasing: Some(Erasing { patch: Patch::Grey(9), ..Erasing::default() }),
        fill: Fill::Constant(12.5),
        ..Augment::chapter5()
    };
    for augment in [Augment::none(), Augment::light(), Augment::chapter5(), all] {
        let json = serde_json::to_string(&augment).unwrap();
        assert_eq!(serde_json::from_str::<Augment>(&json).unwrap(), augment);
        let text = toml::to_string(&augment).unwrap();
        assert_eq!(toml::from_str::<Augment>(&text).unwrap(), augment, "{text}");
        let drawn = *augment.draw([9, 9, 3], &mut Seed(1).stream(Purpose::Augment, 0, 0)).parameters();
        let json = serde_json::to_string(&drawn).unwrap();
        assert_eq!(serde_json::from_str::<Parameters>(&json).unwrap(), drawn);
    }
}

#[test]
fn what_is_not_named_is_not_changed() {
    assert_eq!(toml::from_str::<Augment>("").unwrap(), Augment::none());
    let text = "rotation = 10\nfill = \"reflect\"\n[erasing]\npatch = \"noise\"\narea = [0.1, 0.2]";
    let expected = Augment {
        rotation: 10.0,
        fill: Fill::Reflect,
        erasing: Some(Erasing { area: [0.1, 0.2], ..Erasing::default() }),
        ..Augment::none()
    };
    assert_eq!(toml::from_str::<Augment>(text).unwrap(), expected);
    let error = toml::from_str::<Augment>("rotations = 10").unwrap_err().to_string();
    assert!(error.contains("rotations") && error.contains("rotation"), "{error}");
    assert!(toml::from_str::<Augment>("fill = \"grid\"").is_err());
    assert!(toml::from_str::<Augment>("[erasing]\nshape = 3").is_err());
}

#[test]
fn only_settings_that_change_something_count() {
    assert!(Augment::none().is_none() && Augment { fill: Fill::Wrap, ..Augment::none() }.is_none());
    assert!(!Augment::chapter5().is_none() && !Augment::light().is_none());
    assert!(!Augment { crop: Some([1, 1]), ..Augment::none() }.is_none());
    for preset in [Augment::none(), Augment::light(), Augment::chapter5()] {
        preset.check().unwrap();
    }
}

#[test]
fn what_is_out_of_range_is_named() {
    let none = Augment::none();
    let crop = |sides| Augment { crop: Some(sides), ..none };
    let area = |area| Augment { resized_crop: Some(ResizedCrop { area, ..ResizedCrop::default() }), ..none };
    let erasing = |erasing| Augment { erasing: Some(erasing), ..none };
    let wrong = [
        (Augment { rotation: 181.0, ..none }, "rotation must be 0 … 180 degrees, but is 181"),
        (Augment { rotation: f32::NAN, ..none }, "rotation must be 0 … 180 degrees, but is NaN"),
        (Augment { width_shift: -0.1, ..none }, "width_shift must be a fraction of 0 … 1, but is -0.1"),
        (Augment { height_shift: 20.0, ..none }, "height_shift must be a fraction of 0 … 1, but is 20"),
        (Augment { shear: 11.5, ..none }, "shear must be 0 … 1.5 radians, but is 11.5"),
        (
            Augment { zoom: [1.2, 0.8], ..none },
            "zoom must be a lowest and a highest factor, 0.1 … 10, but is [1.2, 0.8]",
        ),
        (crop([0, 5]), "crop must be rows and columns of 1 … 16384 pixels, but is [0, 5]"),
        (crop([5, 16_385]), "crop must be rows and columns of 1 … 16384 pixels, but is [5, 16385]"),
        (
            area([0.0, 1.0]),
            "resized_crop.area must be a lowest and a highest fraction, above 0 … 1, but is [0.0, 1.0]",
        ),
        (Augment { brightness: 1.5, ..none }, "brightness must be 0 … 1, but is 1.5"),
        (Augment { contrast: 2.0, ..none }, "contrast must be 0 … 1, but is 2"),
        (Augment { saturation: -1.0, ..none }, "saturation must be 0 … 1, but is -1"),
        (Augment { hue: 200.0, ..none }, "hue must be 0 … 180 degrees, but is 200"),
        (Augment { channel_shift: 256.0, ..none }, "channel_shift must be 0 … 255, but is 256"),
        (Augment { blur: f32::INFINITY, ..none }, "blur must be 0 … 32 pixels, but is inf"),
        (Augment { noise: -2.0, ..none }, "noise must be 0 … 255, but is -2"),
        (
            erasing(Erasing { probability: 2.0, ..Erasing::default() }),
            "erasing.probability must be 0 … 1, but is 2",
        ),
        (
            erasing(Erasing { aspect: [0.0, 1.0], ..Erasing::default() }),
            "erasing.aspect must be a lowest and a highest ratio, 0.01 … 100, but is [0.0, 1.0]",
        ),
        (Augment { fill: Fill::Constant(-1.0), ..none }, "fill must be a constant of 0 … 255, but is -1"),
    ];
    for (augment, expected) in wrong {
        assert_eq!(augment.check().unwrap_err().to_string(), expected);
    }
}

fn fill() -> impl Strategy<Value = Fill> {
    prop_oneof![
        Just(Fill::Nearest),
        Just(Fill::Reflect),
        Just(Fill::Wrap),
        (0.0f32..=255.0).prop_map(Fill::Constant),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Checked settings on pictures of any size, 1×1, flat, tall: every number is written and in range.
    #[test]
    fn pictures_of_any_size_stay_in_range(
        (height, width) in prop_oneof![(1usize..30, 1usize..30), (1usize..3, 1usize..200), (1usize..200, 1usize..3)],
        channels in 1usize..=4,
        crop in prop::option::of(prop::array::uniform2(1usize..40)),
        resized in any::<bool>(),
        erased in any::<bool>(),
        strength in 0.0f32..=1.0,
        fill in fill(),
        seed: u64,
    ) {
        let augment = Augment {
            rotation: 180.0 * strength,
            width_shift: strength,
            height_shift: strength,
            shear: 1.5 * strength,
            zoom: [0.1, 10.0],
            horizontal_flip: true,
            vertical_flip: true,
            crop,
            resized_crop: resized.then(ResizedCrop::default),
            brightness: strength,
            contrast: strength,
            saturation: strength,
            hue: 180.0 * strength,
            channel_shift: 255.0 * strength,
            blur: 4.0 * strength,
            noise: 255.0 * strength,
            erasing: erased.then(|| Erasing { probability: 1.0, ..Erasing::default() }),
            fill,
        };
        augment.check().unwrap();
        let shape = [height, width, channels];
        let mut picture = vec![0; shape.iter().product()];
        let mut stream = Seed(seed).stream(Purpose::Augment, 0, 0);
        stream.fill_bytes(&mut picture);
        let transform = augment.draw(shape, &mut stream);
        prop_assert_eq!(transform.output_shape(), augment.output_shape(shape));
        let mut slot = vec![f32::NAN; augment.output_shape(shape).iter().product()];
        transform.write(&picture, Pixels::MinusOneToOne, &mut slot);
        // Blur adds up rounded weights.
        prop_assert!(slot.iter().all(|x| (-1.00001..=1.00001).contains(x)), "{:?}", slot);
    }

    /// Settings and parameters that nobody checked do no harm.
    #[test]
    fn nothing_panics(
        numbers in prop::array::uniform16(prop_oneof![any::<f32>(), Just(f32::NAN), -3.0f32..3.0]),
        window in prop::option::of(prop::array::uniform4(any::<f64>())),
        shape in prop::array::uniform3(1usize..6),
        fill in fill(),
        seed: u64,
    ) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = numbers;
        let augment = Augment {
            rotation: a, width_shift: b, height_shift: c, shear: d, zoom: [e, f], brightness: g, contrast: h,
            saturation: i, hue: j, channel_shift: k, blur: l, noise: m,
            resized_crop: Some(ResizedCrop { area: [n, o], aspect: [p, a] }),
            erasing: Some(Erasing { probability: 1.0, area: [o, b], aspect: [c, n], patch: Patch::Noise }),
            fill,
            ..Augment::none()
        };
        let picture = vec![100; shape.iter().product()];
        let mut slot = vec![0.0; picture.len()];
        let mut stream = Seed(seed).stream(Purpose::Augment, 0, 0);
        let drawn = augment.draw(shape, &mut stream);
        drawn.write(&picture, Pixels::ZeroToOne, &mut slot);
        let mut parameters = *drawn.parameters();
        parameters.window =
            window.map(|[left, top, width, height]| Window { left, top, width, height, size: [2, 3] });
        let transform = Transform::new(parameters, shape, fill);
        let [height, width, _] = shape;
        let [rows, columns, channels] = transform.output_shape();
        transform.write_bytes(&picture, &mut vec![0; rows * columns * channels]);
        transform.write_mask(&vec![1; height * width], 0, &mut vec![0; rows * columns]);
        let _ = transform.point([f64::from(a), f64::from(b)]);
        let _ = transform.bounding_box([a, b, c, d].map(f64::from));
    }
}
