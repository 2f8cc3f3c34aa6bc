//! Activations by path, the book's grids, statistics and exciting pictures, against plain counting.

mod common;

use common::{nested, random};
use convnet_autograd::Tape;
use convnet_layers::{Request, Tap};
use convnet_tensor::Tensor;
use convnet_visualize::activations::{ChannelStatistics, MostExciting, activations, grid, standardized};
use convnet_visualize::{patch, tiles};

#[test]
fn activations_are_the_outputs_of_layers_by_path() {
    let model = nested();
    let x = random([3, 14, 12, 3], 1);
    let paths = ["base/conv2", "dense", "base/conv1", "base"];
    let found = activations(&model, &x, &paths).unwrap();
    let outputs = model.run(&mut Tape::new(), &x, &Request::taps(paths.map(Tap::output))).unwrap();
    for (found, tap) in found.iter().zip(&outputs.taps) {
        assert_eq!(found, tap.tensor());
    }
    let message = activations(&model, &x, &["base/conv9"]).unwrap_err().to_string();
    assert!(message.contains("did you mean `base/conv"), "{message}");
    assert!(activations(&model, &random([1, 12, 14, 3], 1), &["dense"]).is_err());
}

#[test]
fn a_grid_is_the_books() {
    // One row of three maps of 1×2 pixels: the first dead, the second with mean 2 and deviation 1, the third with an
    // outlier that is cut off.
    let mut numbers = vec![0.0; 24];
    for (place, pixel) in numbers.chunks_mut(3).enumerate() {
        pixel.copy_from_slice(&[5.0, [1.0, 3.0][place % 2], [0.0, 80.0][usize::from(place == 7)]]);
    }
    let sheet = grid(&Tensor::from_vec([1, 2, 4, 3], numbers).unwrap(), 2).unwrap();
    assert_eq!(*sheet.shape(), [4, 8, 1]);
    // −64 + 128 and 64 + 128; an outlier of √7 deviations above the mean, the others 1/√7 below: 103.8 is cut to 103.
    let second = [64, 192, 64, 192];
    let rows: [[u8; 8]; 4] = [
        [[0; 4], second].concat().try_into().unwrap(),
        [[0; 4], second].concat().try_into().unwrap(),
        [103, 103, 103, 103, 0, 0, 0, 0],
        [103, 103, 103, 255, 0, 0, 0, 0],
    ];
    assert_eq!(sheet.data(), rows.concat());
    assert_eq!(standardized(&[f32::NAN, 1.0]), [0, 0]);
    assert!(grid(&Tensor::zeros([2, 4, 4, 3]), 2).is_err());
    assert!(grid(&Tensor::zeros([4, 4, 3]), 0).is_err());
}

#[test]
fn tiles_lie_in_rows_on_black() {
    let grey = |level| Tensor::full([1, 1, 1], level);
    let sheet = tiles(&[grey(1u8), grey(2), grey(3)], 2, 1).unwrap();
    assert_eq!(sheet.data(), [1, 0, 2, 0, 0, 0, 3, 0, 0]);
    assert!(tiles(&[], 2, 1).is_err());
    assert!(tiles(&[grey(1), Tensor::full([1, 2, 1], 1)], 2, 1).is_err());
    assert!(tiles(&[grey(1), grey(1)], 1, usize::MAX).unwrap_err().to_string().contains("1,048,576"));
}

#[test]
fn statistics_are_those_of_all_pictures_together() {
    let mut model = nested();
    // A filter that never fires.
    for parameter in model.parameters_mut() {
        if parameter.path == "base/conv1/bias" {
            parameter.value.data_mut()[3] = -100.0;
        }
    }
    let x = random([7, 14, 12, 3], 2);
    let mut statistics = ChannelStatistics::new("base/conv1");
    statistics.add(&model, &x.rows(0..5)).unwrap();
    statistics.add(&model, &x.rows(5..7)).unwrap();
    let all = &activations(&model, &x, &["base/conv1"]).unwrap()[0];
    let channels = statistics.channels();
    assert_eq!((channels, statistics.pictures(), statistics.dead()), (6, 7, vec![3]));
    for channel in 0..channels {
        let numbers: Vec<f32> = all.data().iter().skip(channel).step_by(channels).copied().collect();
        let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / numbers.len() as f64;
        assert!((statistics.mean()[channel] - mean).abs() < 1e-12);
        assert_eq!(statistics.max()[channel], numbers.iter().copied().fold(f32::MIN, f32::max));
        let zeros = numbers.iter().filter(|&&x| x == 0.0).count();
        assert_eq!(statistics.share_of_zeros()[channel], zeros as f64 / numbers.len() as f64);
    }
    assert_eq!(statistics.share_of_zeros()[3], 1.0);
    let mut units = ChannelStatistics::new("dense");
    units.add(&model, &x).unwrap();
    assert_eq!(units.channels(), 9);
}

#[test]
fn the_most_exciting_pictures_and_what_the_unit_saw_of_them() {
    let model = nested();
    let x = random([11, 14, 12, 3], 3);
    let mut exciting = MostExciting::new(&model, "base/conv2", 3).unwrap();
    for first in [0, 4, 8] {
        let range = first..11.min(first + 4);
        let numbers: Vec<u64> = range.clone().map(|number| 100 + number as u64).collect();
        exciting.add(&x.rows(range), &numbers).unwrap();
    }
    let all = &activations(&model, &x, &["base/conv2"]).unwrap()[0];
    let [_, height, width, channels] = <[usize; 4]>::try_from(&*all.shape()).unwrap();
    assert_eq!(exciting.channels(), channels);
    for channel in 0..channels {
        let maximum = |picture: usize| {
            let maps = all.rows(picture..picture + 1);
            maps.data().iter().skip(channel).step_by(channels).copied().fold(f32::MIN, f32::max)
        };
        let mut best: Vec<(u64, f32)> =
            (0..11).map(|number| (100 + number as u64, maximum(number))).collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1));
        let found = exciting.of(channel).unwrap();
        let pairs: Vec<_> = found.iter().map(|found| (found.picture, found.activation)).collect();
        // A dead channel is equally unexcited by all: then those seen first stay.
        assert_eq!(pairs, best[..3], "channel {channel}");

        let found = &found[0];
        let [row, column] = found.place;
        let picture = x.rows((found.picture - 100) as usize..(found.picture - 99) as usize);
        let seen = patch(&picture.reshaped([14, 12, 3]).unwrap(), &found.field).unwrap();
        assert_eq!(seen.shape()[..2], found.field.size());
        // The unit fires as strongly when all that it does not see is another picture.
        let mut other = random([1, 14, 12, 3], 4);
        for (number, y) in found.field.rows.clone().enumerate() {
            let length = seen.shape()[1] * 3;
            let to = (y * 12 + found.field.columns.start) * 3;
            other.data_mut()[to..to + length].copy_from_slice(&seen.data()[number * length..][..length]);
        }
        let there = &activations(&model, &other, &["base/conv2"]).unwrap()[0];
        let again = there.data()[(row * width + column) * channels + channel];
        assert!(row < height && (again - found.activation).abs() <= 1e-5 * found.activation.abs(), "{again}");
    }
    assert!(exciting.of(channels).is_err());
    assert!(exciting.add(&x.rows(0..2), &[1]).is_err());
    assert!(MostExciting::new(&model, "base/conv2", 0).is_err());
    assert!(MostExciting::new(&model, "nothing", 1).is_err());
}
