//! Views, copies at the first write, derived values, random streams.

use convnet_tensor::{Error, Purpose, Seed, Shape, Tensor};
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn views_share_and_writes_copy() {
    let batch = Tensor::from_fn([4, 2, 3], |i| i as f32);
    let mut view = batch.rows(1..3);
    assert_eq!(view.shape(), Shape::from([2, 2, 3]));
    assert_eq!(view.data()[0], 6.0);
    assert!(view.shares_buffer_with(&batch));
    assert_eq!(view.rows(1..2).reshaped([6]).unwrap().data(), &batch.data()[12..18]);
    view.data_mut()[0] = -1.0;
    assert!(!view.shares_buffer_with(&batch));
    assert_eq!((view.data()[0], view.data()[1], batch.data()[6]), (-1.0, 7.0, 6.0));
    // Alone again, it is written in place.
    let address = view.data().as_ptr();
    view.data_mut()[1] = 5.0;
    assert_eq!(view.data().as_ptr(), address);
}

#[test]
fn lengths_are_checked() {
    let error = Tensor::from_vec([2, 3], vec![0.0f32; 5]).unwrap_err();
    assert_eq!(error, Error::Length { shape: Shape::from([2, 3]), found: 5 });
    assert_eq!(error.to_string(), "a tensor of shape (2, 3) holds 6 numbers, but 5 were given");
    assert!(Tensor::<f32>::zeros([2, 3]).reshaped([4]).is_err());
    assert_eq!(Shape::from([1 << 33, 1 << 31, 1]).checked_size(), None, "never a product that has wrapped");
    assert_eq!(Tensor::<f32>::scalar(2.0).data(), [2.0]);
    assert_eq!(Tensor::<f32>::zeros([0, 3]).rows(0..0).size(), 0);
}

#[test]
fn derived_values_are_computed_once_and_forgotten_at_a_write() {
    let computed = AtomicUsize::new(0);
    let sum = |tensor: &Tensor| {
        *tensor.derived(1, || {
            computed.fetch_add(1, Ordering::SeqCst);
            tensor.data().iter().sum::<f32>()
        })
    };
    let mut tensor = Tensor::full([3], 2.0f32);
    let handle = tensor.clone();
    assert_eq!((sum(&tensor), sum(&handle), sum(&tensor.reshaped([3, 1]).unwrap())), (6.0, 6.0, 6.0));
    assert_eq!(computed.load(Ordering::SeqCst), 1, "handles of one buffer share what is derived");
    assert_eq!(*tensor.derived(2, || 0u8), 0, "another name, another value");
    tensor.data_mut()[0] = 5.0;
    assert_eq!((sum(&tensor), sum(&handle)), (9.0, 6.0));
    assert_eq!(sum(&tensor.rows(0..1)), 5.0, "part of a buffer never sees what belongs to the whole");
}

#[test]
fn streams_are_independent_and_reproducible() {
    let draw = |seed, purpose, round, item| {
        let mut stream = Seed(seed).stream(purpose, round, item);
        (0..8).map(|_| stream.bits()).collect::<Vec<_>>()
    };
    let first = draw(1, Purpose::Dropout, 2, 3);
    assert_eq!(first, draw(1, Purpose::Dropout, 2, 3));
    for other in [
        draw(2, Purpose::Dropout, 2, 3),
        draw(1, Purpose::Augment, 2, 3),
        draw(1, Purpose::Dropout, 3, 3),
        draw(1, Purpose::Dropout, 2, 4),
    ] {
        assert!(first.iter().all(|bits| !other.contains(bits)));
    }
    assert_ne!(Seed(1).part(0), Seed(1).part(1));
    assert_ne!(Seed(1).part(0), Seed(2).part(0));
}

#[test]
fn distributions_have_their_moments() {
    let mut stream = Seed(7).stream(Purpose::Check, 0, 0);
    let n = 100_000;
    let normals: Vec<f64> = (0..n).map(|_| f64::from(stream.normal())).collect();
    let mean = normals.iter().sum::<f64>() / n as f64;
    let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
    assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    let mut counts = [0; 7];
    (0..n).for_each(|_| counts[stream.below(7)] += 1);
    assert!(counts.iter().all(|&count| (count as f64 - n as f64 / 7.0).abs() < 600.0), "{counts:?}");
    let mut order: Vec<_> = (0..100).collect();
    stream.shuffle(&mut order);
    assert_ne!(order, (0..100).collect::<Vec<_>>());
    order.sort_unstable();
    assert_eq!(order, (0..100).collect::<Vec<_>>());
    assert!((0..n).map(|_| stream.between(-1.0, 3.0)).all(|x| (-1.0..3.0).contains(&x)));
}
