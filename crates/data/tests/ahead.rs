//! Batches made in the background are those made here: pictures, order, errors; and nobody waits for what nobody wants.

use convnet_cpu::parallel::install;
use convnet_data::{Augment, Batch, Batches, Dataset, Order, Place, generated};
use convnet_tensor::{Pixels, Seed};

fn augmented() -> Dataset {
    let augment = Augment { rotation: 30.0, horizontal_flip: true, ..Augment::none() };
    generated::digits(Seed(1), 70).augmented(augment, Seed(5)).unwrap()
}

fn stream(set: &Dataset, threads: usize) -> Vec<Batch> {
    let batches = Batches::new(set, 16, Order::Shuffled(Seed(2)), Pixels::ZeroToOne).unwrap();
    install(threads, || batches.along((0..12).map(Place::Stream)).map(Result::unwrap).collect()).unwrap()
}

#[test]
fn batches_are_the_same_for_any_number_of_threads() {
    let set = augmented();
    let here = stream(&set, 1);
    assert_eq!(here.len(), 12);
    for threads in [2, 3, 8] {
        for (there, here) in stream(&set, threads).iter().zip(&here) {
            assert_eq!((&there.x, &there.labels, &there.numbers), (&here.x, &here.labels, &here.numbers));
        }
    }
}

#[test]
fn a_picture_met_again_is_changed_anew() {
    let batches = stream(&augmented(), 2);
    let met = |number: u64| {
        let places =
            batches.iter().flat_map(|batch| batch.numbers.iter().enumerate().map(move |it| (batch, it)));
        let found = places.filter(|(_, (_, met))| **met == number);
        found.map(|(batch, (place, _))| batch.x.rows(place..place + 1)).collect::<Vec<_>>()
    };
    // Twelve batches of sixteen go through seventy pictures twice, and begin a third time.
    let times = met(3);
    assert!(times.len() >= 2 && times[0] != times[1], "met {} times", times.len());
}

#[test]
fn whoever_stops_early_does_not_wait() {
    let batches = Batches::new(&augmented(), 16, Order::Sequential, Pixels::ZeroToOne).unwrap();
    let first = install(2, || {
        // An endless stream: dropped after three.
        batches
            .along((0..).map(Place::Stream))
            .take(3)
            .map(|batch| batch.unwrap().numbers[0])
            .collect::<Vec<_>>()
    });
    assert_eq!(first.unwrap(), [0, 16, 32]);
}

#[test]
fn a_panic_in_the_background_is_a_panic_here() {
    let batches = Batches::new(&augmented(), 16, Order::Sequential, Pixels::ZeroToOne).unwrap();
    let beyond = [Place::Stream(0), Place::Stream(u64::MAX)];
    let outcome =
        std::panic::catch_unwind(|| install(2, || batches.along(beyond.into_iter()).count()).unwrap());
    assert!(outcome.is_err());
}
