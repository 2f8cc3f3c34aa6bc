//! Masks, points and boxes go where the picture goes.

use convnet_augment::*;
use convnet_tensor::{Purpose, Seed};

fn fills() -> [Fill; 4] {
    [Fill::Nearest, Fill::Constant(0.0), Fill::Reflect, Fill::Wrap]
}

/// A picture of two flat halves: away from their seam the mask must say which half the pixel shows.
#[test]
fn a_mask_stays_on_its_picture() {
    let shape = [31, 47, 1];
    let labels: Vec<u8> = (0..31 * 47).map(|index| u8::from(index % 47 + index / 47 > 40)).collect();
    let picture: Vec<u8> = labels.iter().map(|label| 50 + 150 * label).collect();
    for fill in fills() {
        let augment = Augment { fill, resized_crop: Some(ResizedCrop::default()), ..Augment::chapter5() };
        for item in 0..30 {
            let transform = augment.draw(shape, &mut Seed(2).stream(Purpose::Augment, 0, item));
            let (mut shown, mut mask) = (vec![0; picture.len()], vec![9; labels.len()]);
            transform.write_bytes(&picture, &mut shown);
            transform.write_mask(&labels, 7, &mut mask);
            for (shown, label) in shown.iter().zip(&mask) {
                match shown {
                    0 => assert_eq!(*label, 7, "beyond the picture"),
                    50 => assert_eq!(*label, 0),
                    200 => assert_eq!(*label, 1),
                    between => assert!((51..200).contains(between) && *label < 2, "{between} {label}"),
                }
            }
        }
    }
}

#[test]
fn a_point_lies_where_its_pixel_is_shown() {
    let shape = [41, 61, 1];
    let augment = Augment { crop: Some([70, 80]), fill: Fill::Constant(0.0), ..Augment::chapter5() };
    let mut seen = 0;
    for item in 0..40 {
        let transform = augment.draw(shape, &mut Seed(3).stream(Purpose::Augment, 0, item));
        // A bright spot of 3×3 pixels around (30, 20).
        let spot = |index: usize| (29..32).contains(&(index % 61)) && (19..22).contains(&(index / 61));
        let picture: Vec<u8> = (0..41 * 61).map(|index| if spot(index) { 255 } else { 0 }).collect();
        let mut shown = vec![0; 70 * 80];
        transform.write_bytes(&picture, &mut shown);
        let [x, y] = transform.point([30.0, 20.0]).unwrap();
        if (2.0..77.0).contains(&x) && (2.0..67.0).contains(&y) {
            seen += 1;
            assert!(shown[y.round() as usize * 80 + x.round() as usize] > 200, "({x}, {y}) of {item}");
            let (mut mass, mut mean_x, mut mean_y) = (0.0, 0.0, 0.0);
            for (index, &pixel) in shown.iter().enumerate() {
                mass += f64::from(pixel);
                mean_x += f64::from(pixel) * (index % 80) as f64;
                mean_y += f64::from(pixel) * (index / 80) as f64;
            }
            assert!((mean_x / mass - x).abs() < 0.3 && (mean_y / mass - y).abs() < 0.3);
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn boxes_turn_shrink_and_leave() {
    let shape = [100, 200, 3];
    let transform = |parameters| Transform::new(parameters, shape, Fill::Nearest);
    let still = Parameters::default();
    let whole = [0.0, 0.0, 200.0, 100.0];
    assert_eq!(transform(still).bounding_box(whole), Some(whole));
    assert_eq!(transform(still).bounding_box([10.0, 20.0, 30.0, 50.0]), Some([10.0, 20.0, 30.0, 50.0]));
    let flipped = transform(Parameters { horizontal_flip: true, ..still });
    assert_eq!(flipped.bounding_box([10.0, 20.0, 30.0, 50.0]), Some([170.0, 20.0, 190.0, 50.0]));
    // The picture moves 50 to the left: what was cut off is gone, and what was left of it is no box any more.
    let shifted = transform(Parameters { width_shift: 0.25, ..still });
    assert_eq!(shifted.bounding_box([10.0, 20.0, 80.0, 50.0]), Some([0.0, 20.0, 30.0, 50.0]));
    assert_eq!(shifted.bounding_box([10.0, 20.0, 40.0, 50.0]), None);
    // Turned counter-clockwise about the centre: the right edge is on top.
    let turned = transform(Parameters { rotation: 90.0, ..still });
    assert_eq!(turned.bounding_box([140.0, 50.0, 150.0, 80.0]), Some([100.0, 0.0, 130.0, 10.0]));
    let window = Window { left: 50.0, top: 0.0, width: 100.0, height: 100.0, size: [200, 200] };
    let cropped = transform(Parameters { window: Some(window), ..still });
    assert_eq!(cropped.bounding_box([60.0, 10.0, 70.0, 30.0]), Some([20.0, 20.0, 40.0, 60.0]));
    let flat = transform(Parameters { zoom: [0.0, 1.0], ..still });
    assert_eq!((flat.bounding_box(whole), flat.point([1.0, 1.0])), (None, None));
}
