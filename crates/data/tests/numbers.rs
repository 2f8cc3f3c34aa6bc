//! Numbers in place of pictures: the same set in every other respect, from memory and from a file.

use convnet_data::{Batches, Dataset, NumberFile, Order, Place, digest_of};
use convnet_tensor::{Pixels, Seed, Shape, Tensor};
use std::io::Write;

fn pictures() -> Dataset {
    let pictures = Tensor::from_fn([7, 2, 2, 1], |position| position as u8);
    let labels = (0..7).map(|number| number % 2).collect();
    Dataset::from_arrays(pictures, labels, vec!["even".into(), "odd".into()]).unwrap()
}

fn numbers() -> Tensor {
    Tensor::from_fn([7, 1, 3, 2], |position| position as f32 * 0.25 - 3.0)
}

/// The same numbers behind eight bytes of something else.
fn file() -> NumberFile {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"a header").unwrap();
    for number in numbers().data() {
        file.write_all(&number.to_le_bytes()).unwrap();
    }
    let digests = numbers().data().chunks(6).map(digest_of).collect();
    NumberFile { file, path: "features".into(), start: 8, shape: Shape::from([1, 3, 2]), digests }
}

#[test]
fn a_batch_has_the_numbers_of_its_pictures() {
    let pictures = pictures();
    let memory = pictures.with_numbers("conv2d", numbers()).unwrap();
    let file = pictures.with_number_file("conv2d", file()).unwrap();
    assert_eq!(memory.fingerprint(), file.fingerprint());
    assert_ne!(memory.fingerprint(), pictures.fingerprint());
    assert_ne!(memory.fingerprint(), pictures.with_numbers("other", numbers()).unwrap().fingerprint());
    assert!(memory.in_memory() && !file.in_memory());
    for set in [memory, file] {
        assert_eq!((set.len(), set.labels(), set.layer()), (7, pictures.labels(), Some("conv2d")));
        assert_eq!(set.origin().to_string(), "arrays of the caller, as numbers of the layer `conv2d`");
        // A range for colours says nothing of numbers, and parts of the set keep theirs.
        let part = set.subset(5, Seed(2)).unwrap();
        for set in [set, part] {
            let batches = Batches::new(&set, 4, Order::Shuffled(Seed(1)), Pixels::CaffeBgr).unwrap();
            let batch = batches.at(Place::Stream(1)).unwrap();
            assert_eq!(batch.x.shape(), Shape::from([4, 1, 3, 2]));
            for (row, &label) in batch.labels.iter().enumerate() {
                let first = batch.x.rows(row..row + 1).data()[0];
                let number = (first + 3.0) / 0.25 / 6.0;
                assert_eq!(number.fract(), 0.0);
                assert_eq!(number as u32 % 2, label);
            }
        }
    }
}

#[test]
fn what_does_not_stand_for_the_pictures_is_refused() {
    let pictures = pictures();
    for shape in [vec![6, 1, 3, 2], vec![7, 6], vec![7, 0, 3, 2]] {
        let error = pictures.with_numbers("conv2d", Tensor::zeros(&shape[..])).unwrap_err().to_string();
        assert!(error.contains("(7, height, width, channels)"), "{error}");
    }
    let few = NumberFile { digests: vec![[0; 16]; 3], ..file() };
    let error = pictures.with_number_file("conv2d", few).unwrap_err().to_string();
    assert!(error.contains("7 records") && error.contains("one of 3"), "{error}");
    let set = pictures.with_numbers("conv2d", numbers()).unwrap();
    for error in [set.picture(0).unwrap_err(), set.shifted(1, 0).unwrap_err()] {
        assert!(error.to_string().contains("numbers that the layer `conv2d` made of them"), "{error}");
    }
}

#[test]
fn a_file_that_ends_early_is_an_error() {
    let short = file();
    short.file.set_len(8 + 4 * 6 * 6 + 3).unwrap();
    let set = pictures().with_number_file("conv2d", short).unwrap();
    let batches = Batches::new(&set, 7, Order::Sequential, Pixels::ZeroToOne).unwrap();
    let error = batches.at(Place::Round { round: 0, step: 0 }).unwrap_err().to_string();
    assert!(error.starts_with("features: cannot be read"), "{error}");
}
