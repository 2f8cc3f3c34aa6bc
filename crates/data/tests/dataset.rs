//! Data sets from arrays and iterators, their parts, and their fingerprints.

use convnet_data::{Dataset, Error, Origin};
use convnet_tensor::{Seed, Tensor};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|class| format!("class {class}")).collect()
}

/// `count` pictures `[3, 4, 2]`, all bytes different within a picture.
fn some(count: usize) -> Dataset {
    let pictures = Tensor::from_fn([count, 3, 4, 2], |position| (position % 251) as u8);
    Dataset::from_arrays(pictures, (0..count as u32).map(|n| n % 3).collect(), names(3)).unwrap()
}

fn at(set: &Dataset, number: usize) -> Tensor<u8> {
    set.picture(number).unwrap()
}

#[test]
fn arrays_are_checked() {
    let pictures = || Tensor::<u8>::zeros([2, 3, 3, 1]);
    let error = Dataset::from_arrays(pictures(), vec![0], names(2)).unwrap_err();
    assert!(matches!(error, Error::Count { pictures: 2, labels: 1 }));
    let error = Dataset::from_arrays(pictures(), vec![0, 2], names(2)).unwrap_err();
    assert!(matches!(error, Error::Label { number: 1, label: 2, classes: 2 }), "{error}");
    for shape in [vec![2, 3, 3], vec![2, 0, 3, 1]] {
        let error = Dataset::from_arrays(Tensor::zeros(&shape[..]), vec![0, 1], names(2)).unwrap_err();
        assert!(error.to_string().contains("height, width, channels"), "{error}");
    }
}

#[test]
fn an_iterator_gives_what_the_arrays_give() {
    let from = some(7);
    let pictures =
        (0..7).map(|number| (from.picture(number).unwrap().data().to_vec(), from.labels()[number]));
    let set = Dataset::from_iter([3, 4, 2], names(3), pictures).unwrap();
    (0..7).for_each(|number| assert_eq!(set.picture(number).unwrap(), from.picture(number).unwrap()));
    assert_eq!(set.fingerprint(), from.fingerprint());
    let error = Dataset::from_iter([3, 4, 2], names(3), [(vec![0; 24], 0), (vec![0; 23], 0)]).unwrap_err();
    assert!(matches!(error, Error::Picture { number: 1, found: 23, expected: 24 }), "{error}");
}

#[test]
fn a_shape_that_cannot_be_counted_is_refused() {
    const HUGE: usize = 1 << (usize::BITS / 2);
    // Multiplied without care these come to 0, to 0 and to a negative length.
    for shape in [[HUGE, HUGE, 1], [HUGE, HUGE, 0], [HUGE, HUGE / 2, 1]] {
        let error = Dataset::from_iter(shape, names(1), [(Vec::new(), 0)]).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error}");
        assert!(error.to_string().contains(&HUGE.to_string()), "{error}");
        let nothing: [(Vec<u8>, u32); 0] = [];
        assert!(matches!(Dataset::from_iter(shape, names(1), nothing), Err(Error::Argument { .. })));
        let pictures = Tensor::from_vec([0, shape[0], shape[1], shape[2]], Vec::new()).unwrap();
        let result = Dataset::from_arrays(pictures, Vec::new(), names(1));
        assert!(matches!(result, Err(Error::Argument { .. })));
    }
}

#[test]
fn parts_share_their_bytes() {
    let set = some(10);
    let (first, last) = set.split(4).unwrap();
    assert_eq!((first.len(), last.len()), (4, 6));
    let whole = set.picture(4).unwrap();
    let chosen = set.subset(3, Seed(1)).unwrap();
    for part in [&first, &last, &last.split(2).unwrap().1, &chosen, &chosen.split(2).unwrap().1] {
        assert!(part.picture(0).unwrap().shares_buffer_with(&whole));
    }
    assert_eq!(last.picture(0).unwrap(), whole);
    assert_eq!(last.split(2).unwrap().1.picture(0).unwrap(), set.picture(6).unwrap());
    assert_eq!(chosen.split(2).unwrap().1.picture(0).unwrap(), chosen.picture(2).unwrap());
    assert_eq!(last.labels(), &set.labels()[4..]);
    assert_eq!(set.take(99).len(), 10);
    assert_eq!(set.take(3).labels(), &set.labels()[..3]);
    assert_eq!(first.origin().to_string(), "arrays of the caller, first 4");
    assert!(set.split(11).unwrap_err().to_string().contains("at most 10"));
}

#[test]
fn a_subset_is_random_without_repetition_and_follows_from_its_seed() {
    let set = some(100);
    let (one, again, other) = (
        set.subset(40, Seed(1)).unwrap(),
        set.subset(40, Seed(1)).unwrap(),
        set.subset(40, Seed(2)).unwrap(),
    );
    assert_eq!(one.fingerprint(), again.fingerprint());
    assert_ne!(one.fingerprint(), other.fingerprint());
    // Pictures are still in order and beside their labels, none twice.
    let mut numbers = (0..100).filter(|&n| (0..40).any(|i| at(&one, i) == at(&set, n)));
    for place in 0..40 {
        let number = numbers.next().expect("a picture of the set");
        assert_eq!(at(&one, place), at(&set, number));
        assert_eq!(one.labels()[place], set.labels()[number]);
    }
    assert_eq!(set.subset(100, Seed(3)).unwrap().fingerprint(), set.fingerprint());
    assert!(set.subset(101, Seed(1)).is_err());
    let others = set.without(&[0, 7, 99].into(), "too dark");
    assert_eq!((others.len(), others.picture(0).unwrap()), (97, set.picture(1).unwrap()));
    assert_eq!(others.labels()[6], set.labels()[8]);
    assert!(others.origin().to_string().contains("3 left out: too dark"), "{}", others.origin());
}

#[test]
fn shifts_move_pixels_and_fill_with_zero() {
    let set = some(3);
    for (dx, dy) in [(0, 0), (1, 0), (-2, 1), (3, -2), (4, 0), (0, -3), (100, -100), (i32::MIN, i32::MAX)] {
        let moved = set.shifted(dx, dy).unwrap();
        for number in 0..3 {
            let (from, to) = (at(&set, number), at(&moved, number));
            for (row, column, channel) in
                (0..3).flat_map(|row| (0..4).flat_map(move |column| [(row, column, 0), (row, column, 1)]))
            {
                let at = |row: i64, column: i64| {
                    let inside = (0..3).contains(&row) && (0..4).contains(&column);
                    if inside { from.data()[((row * 4 + column) * 2 + channel) as usize] } else { 0 }
                };
                assert_eq!(
                    to.data()[((row * 4 + column) * 2 + channel) as usize],
                    at(row - i64::from(dy), column - i64::from(dx)),
                    "({dx}, {dy}) at ({row}, {column}, {channel})"
                );
            }
        }
    }
    assert_eq!(
        set.shifted(1, -2).unwrap().origin().to_string(),
        "arrays of the caller, shifted by (1, -2) pixels"
    );
}

#[test]
fn the_fingerprint_sees_pictures_labels_names_and_shape() {
    let print = |shape: [usize; 4], change: u8, labels: [u32; 2], name: &str| {
        let pictures = Tensor::from_fn(shape, |position| if position == 7 { change } else { 9 });
        let set = Dataset::from_arrays(pictures, labels.to_vec(), vec!["a".into(), name.into()]).unwrap();
        set.fingerprint().to_owned()
    };
    let base = print([2, 2, 3, 1], 0, [0, 1], "b");
    // Computed independently: sha256 of the extents, the number of names, each name behind its length (all 64 bits,
    // little-endian), the labels (32 bits) and, for each picture, the first half of the sha256 of its pixels.
    assert_eq!(base, "4be6f2a13cf5d04a24bcd4cb04ef793f");
    for other in [
        print([2, 2, 3, 1], 1, [0, 1], "b"),
        print([2, 2, 3, 1], 0, [0, 0], "b"),
        print([2, 2, 3, 1], 0, [0, 1], "c"),
        print([2, 3, 2, 1], 0, [0, 1], "b"),
    ] {
        assert_ne!(base, other);
    }
    // Where pictures came from is a note, not data.
    let set = some(2);
    assert_eq!(set.fingerprint(), set.clone().with_origin(Origin::files("elsewhere")).fingerprint());
}
