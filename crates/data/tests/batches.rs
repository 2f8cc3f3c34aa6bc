//! Batches: every picture once a round, any batch directly, streams that wrap.

use convnet_data::{Batch, Batches, Dataset, Order, Place, generated};
use convnet_tensor::{Pixels, Seed, Tensor};
use proptest::prelude::*;

fn numbered(count: usize) -> Dataset {
    let pictures = Tensor::from_fn([count, 2, 2, 1], |position| (position / 4 % 256) as u8);
    let labels = (0..count as u32).map(|number| number % 2).collect();
    Dataset::from_arrays(pictures, labels, vec!["even".into(), "odd".into()]).unwrap()
}

fn batches(count: usize, size: usize, order: Order) -> Batches {
    Batches::new(&numbered(count), size, order, Pixels::ZeroToOne).unwrap()
}

fn round(batches: &Batches, round: u64) -> Vec<Batch> {
    batches.round(round).map(Result::unwrap).collect()
}

fn of_round(batches: &Batches, round: u64, step: usize) -> Batch {
    batches.at(Place::Round { round, step }).unwrap()
}

/// That pixels and labels are those of the pictures whose numbers the batch carries.
fn check(batch: &Batch) {
    let n = batch.numbers.len();
    assert_eq!((batch.x.len_first(), batch.labels.len(), batch.rounds.len()), (n, n, n));
    for (place, &number) in batch.numbers.iter().enumerate() {
        assert_eq!(u64::from(batch.labels[place]), number % 2);
        assert_eq!(batch.x.rows(place..place + 1).data(), [(number % 256) as f32 / 255.0; 4]);
    }
}

#[test]
fn a_sequential_round_is_the_data_set() {
    let batches = batches(150, 64, Order::Sequential);
    assert_eq!(batches.steps(), 3);
    let all = round(&batches, 5);
    all.iter().for_each(check);
    assert_eq!(all.iter().map(|batch| batch.numbers.len()).collect::<Vec<_>>(), [64, 64, 22]);
    let numbers: Vec<u64> = all.iter().flat_map(|batch| batch.numbers.clone()).collect();
    assert_eq!(numbers, (0..150).collect::<Vec<u64>>());
    assert!(all.iter().flat_map(|batch| &batch.rounds).all(|&round| round == 5));
}

#[test]
fn sixty_thousand_by_sixty_four_leave_thirty_two() {
    let batches = batches(60_000, 64, Order::Shuffled(Seed(1)));
    assert_eq!(batches.steps(), 938);
    assert_eq!(of_round(&batches, 0, 937).numbers.len(), 32);
}

proptest! {
    #[test]
    fn a_shuffled_round_meets_each_picture_once(count in 1usize..200, size in 1usize..50, seed: u64, number: u64) {
        let batches = batches(count, size, Order::Shuffled(Seed(seed)));
        let mut numbers: Vec<u64> = Vec::new();
        for batch in round(&batches, number) {
            check(&batch);
            numbers.extend(batch.numbers);
        }
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (0..count as u64).collect::<Vec<u64>>());
    }

    #[test]
    fn a_stream_is_the_rounds_end_to_end(count in 1usize..60, size in 1usize..100, seed: u64, step in 0u64..40) {
        let batches = batches(count, size, Order::Shuffled(Seed(seed)));
        let batch = batches.at(Place::Stream(step)).unwrap();
        check(&batch);
        prop_assert_eq!(batch.numbers.len(), size);
        for place in 0..size {
            let position = step * size as u64 + place as u64;
            let (round, within) = (position / count as u64, position as usize % count);
            prop_assert_eq!(batch.rounds[place], round);
            let expected = of_round(&batches, round, within / size);
            prop_assert_eq!(batch.numbers[place], expected.numbers[within % size]);
        }
    }
}

#[test]
fn rounds_and_seeds_give_different_orders_and_any_batch_comes_directly() {
    let order = |seed, number| -> Vec<u64> {
        let batches = batches(100, 7, Order::Shuffled(Seed(seed)));
        round(&batches, number).into_iter().flat_map(|batch| batch.numbers).collect()
    };
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
    let (walked, direct) =
        (batches(100, 7, Order::Shuffled(Seed(1))), batches(100, 7, Order::Shuffled(Seed(1))));
    let last = (0..4).flat_map(|number| round(&walked, number)).last().unwrap();
    assert_eq!(of_round(&direct, 3, 14).numbers, last.numbers);
}

#[test]
fn threads_that_share_batches_see_the_same() {
    let shared = batches(500, 32, Order::Shuffled(Seed(9)));
    let expected: Vec<Vec<u64>> = (0..4).map(|round| of_round(&shared, round, 3).numbers).collect();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let (shared, expected) = (&shared, &expected);
            scope.spawn(move || {
                for turn in 0..50 {
                    let round = (thread + turn) % 4;
                    assert_eq!(of_round(shared, round, 3).numbers, expected[round as usize]);
                }
            });
        }
    });
}

#[test]
fn mistakes_are_told() {
    let set = generated::digits(Seed(1), 10);
    let refusal = |set: &Dataset, size, pixels| {
        Batches::new(set, size, Order::Sequential, pixels).unwrap_err().to_string()
    };
    assert!(refusal(&set.take(0), 4, Pixels::ZeroToOne).contains("number of pictures must be at least 1"));
    assert!(refusal(&set, 0, Pixels::ZeroToOne).contains("batch size must be at least 1"));
    assert!(refusal(&set, 4, Pixels::CaffeBgr).contains("channels must be 3"));
}
