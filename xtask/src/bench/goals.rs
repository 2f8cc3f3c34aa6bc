//! What the figures are held to: the rate beside the best peer that computes in f32, and the memory.

/// The goals of one workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Goal {
    pub(super) workload: &'static str,
    /// The threads on which it holds.
    threads: usize,
    /// Our rate as a multiple of the best peer's.
    pub(super) ratio: Bounds,
    /// Our peak memory; `None` where the rate is all that counts.
    pub(super) memory: Option<Memory>,
}

/// What counts as done, and what we want to be known for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) must: f64,
    pub(super) aim: f64,
}

/// How little memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Memory {
    /// A share of what this peer takes.
    Share { peer: &'static str, bounds: Bounds },
    /// So many MiB.
    AtMost(f64),
}

const fn bounds(must: f64, aim: f64) -> Bounds {
    Bounds { must, aim }
}

const fn keras(must: f64, aim: f64) -> Option<Memory> {
    Some(Memory::Share { peer: "keras-fit", bounds: bounds(must, aim) })
}

const fn openvino(must: f64, aim: f64) -> Option<Memory> {
    Some(Memory::Share { peer: "openvino-f32", bounds: bounds(must, aim) })
}

/// Set on AMD Zen 4, where the best peers reach 43 to 100 % of the limit of the multiply-adds.
const ALL: &[Goal] = &[
    Goal { workload: "mnist_train", threads: 2, ratio: bounds(3.5, 5.0), memory: keras(0.2, 0.1) },
    Goal { workload: "catsdogs_train", threads: 2, ratio: bounds(2.8, 4.0), memory: keras(0.2, 0.1) },
    Goal { workload: "vgg16_forward", threads: 2, ratio: bounds(2.4, 3.0), memory: openvino(1.0, 0.75) },
    Goal { workload: "vgg16_latency", threads: 2, ratio: bounds(2.2, 2.6), memory: openvino(1.0, 0.75) },
    Goal {
        workload: "vgg16_finetune_step",
        threads: 2,
        ratio: bounds(2.0, 2.6),
        memory: Some(Memory::AtMost(450.0)),
    },
    Goal { workload: "mobilenet_forward", threads: 2, ratio: bounds(1.05, 1.2), memory: openvino(1.0, 0.5) },
    Goal { workload: "filters", threads: 2, ratio: bounds(2.0, 3.0), memory: None },
    Goal { workload: "start", threads: 2, ratio: bounds(10.0, 100.0), memory: None },
    // Beside OpenCV, the fastest of the others.
    Goal { workload: "decode", threads: 1, ratio: bounds(1.0, 1.2), memory: None },
    // Beside the same training from memory: whoever trains never waits for pictures.
    Goal { workload: "from_files", threads: 2, ratio: bounds(0.95, 0.99), memory: None },
    Goal { workload: "augment", threads: 1, ratio: bounds(3.0, 5.0), memory: None },
];

/// The goals of a workload on so many threads.
pub(super) fn of(workload: &str, threads: usize) -> Option<&'static Goal> {
    ALL.iter().find(|goal| goal.workload == workload && goal.threads == threads)
}

impl Bounds {
    /// Which bound a figure that should be large reaches.
    pub(super) fn reached(self, figure: f64) -> &'static str {
        if figure >= self.aim {
            "aim"
        } else if figure >= self.must {
            "must"
        } else {
            "no"
        }
    }

    /// Which bound a figure that should be small keeps.
    pub(super) fn kept(self, figure: f64) -> &'static str {
        Bounds { must: -self.must, aim: -self.aim }.reached(-figure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_reached_from_their_side() {
        let ratio = of("mnist_train", 2).unwrap().ratio;
        assert_eq!([3.49, 3.5, 4.99, 5.0].map(|r| ratio.reached(r)), ["no", "must", "must", "aim"]);
        assert_eq!([0.21, 0.2, 0.11, 0.1].map(|s| bounds(0.2, 0.1).kept(s)), ["no", "must", "must", "aim"]);
    }

    #[test]
    fn goals_hold_on_their_threads() {
        assert!(of("mnist_train", 1).is_none() && of("mnist", 2).is_none());
        assert!(of("augment", 1).is_some() && of("augment", 2).is_none());
        assert!(ALL.iter().all(|goal| goal.ratio.aim > goal.ratio.must));
    }
}
