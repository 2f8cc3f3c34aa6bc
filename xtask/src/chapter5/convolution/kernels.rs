//! Kernels made by hand, each of which answers to one pattern; a network learns its own.

/// Nine weights, rows from the top, and the pattern that they answer to.
pub(super) struct Kernel {
    pub(super) name: &'static str,
    pub(super) answers_to: &'static str,
    pub(super) weights: [f32; 9],
}

pub(super) const VERTICAL_EDGE: Kernel = Kernel {
    name: "vertical edge",
    answers_to: "brighter on the right",
    weights: [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0, -1.0, 0.0, 1.0],
};

pub(super) const ALL: [Kernel; 5] = [
    VERTICAL_EDGE,
    Kernel {
        name: "horizontal edge",
        answers_to: "brighter below",
        weights: [-1.0, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
    },
    Kernel {
        name: "diagonal edge",
        answers_to: "brighter at lower right",
        weights: [-1.0, -1.0, 0.0, -1.0, 0.0, 1.0, 0.0, 1.0, 1.0],
    },
    Kernel { name: "blur", answers_to: "the mean of nine pixels", weights: [1.0 / 9.0; 9] },
    Kernel {
        name: "Laplacian",
        answers_to: "unlike its neighbours",
        weights: [0.0, -1.0, 0.0, -1.0, 4.0, -1.0, 0.0, -1.0, 0.0],
    },
];
