//! Forms without a face: what lies about in a scene, and what a scene may be about.

use super::figure::{Figure, curve, point};
use super::markings::Colour;
use super::solid::Skin;
use convnet_tensor::Stream;

/// The form of something that is not a creature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Thing {
    /// Up to three flat stones.
    Stone,
    /// A branch with twigs.
    Branch,
    /// A cone that stands on its base.
    Cone,
    /// Six balls of leaves.
    Bush,
    /// A ball with two to four pointed horns.
    HornedLump,
    /// A ball with two to four round knobs.
    KnobbedLump,
}

impl Thing {
    /// All of them.
    pub const ALL: [Thing; 6] =
        [Thing::Stone, Thing::Branch, Thing::Cone, Thing::Bush, Thing::HornedLump, Thing::KnobbedLump];

    /// Its body, about as long as a creature's.
    pub(super) fn build(self, stream: &mut Stream) -> Figure {
        let mut figure = Figure::default();
        match self {
            Thing::Stone => stone(stream, &mut figure),
            Thing::Branch => branch(stream, &mut figure),
            Thing::Cone => cone(stream, &mut figure),
            Thing::Bush => bush(stream, &mut figure),
            Thing::HornedLump => lump(stream, &mut figure, |_| true),
            Thing::KnobbedLump => lump(stream, &mut figure, |_| false),
        }
        figure
    }
}

/// Any form. Lumps, which may have horns and knobs side by side and so be taken for ears, are three times as likely as others.
pub(super) fn any(stream: &mut Stream) -> Figure {
    let mut figure = Figure::default();
    match stream.below(7) {
        0 => stone(stream, &mut figure),
        1 => branch(stream, &mut figure),
        2 => cone(stream, &mut figure),
        3 => bush(stream, &mut figure),
        _ => lump(stream, &mut figure, |stream| stream.below(2) == 0),
    }
    figure
}

fn cone(stream: &mut Stream, figure: &mut Figure) {
    let base = stream.between(0.2, 0.5);
    figure.piece(point(0.0, 0.5), point(0.0, -0.6), [base, 0.02], 0.0, Skin::Coat(1.0));
}

fn stone(stream: &mut Stream, figure: &mut Figure) {
    for _ in 0..1 + stream.below(3) {
        let (x, y) = (stream.between(-0.4, 0.4), stream.between(-0.1, 0.3));
        let radius = stream.between(0.2, 0.45);
        figure.piece(
            point(x, y),
            point(x + stream.between(0.05, 0.5), y),
            [radius, 0.8 * radius],
            0.0,
            Skin::Coat(1.0),
        );
    }
}

fn branch(stream: &mut Stream, figure: &mut Figure) {
    let width = stream.between(0.05, 0.14);
    let points = curve::<6>(point(0.0, 0.8), -0.25, stream.between(-0.05, 0.05), stream.between(1.2, 2.2));
    let radii: [f32; 6] = std::array::from_fn(|number| width * (1.0 - 0.15 * number as f32));
    figure.chain(&points, &radii, 0.0, Skin::Coat(1.0));
    for twig in [2, 3, 4] {
        let direction = -0.25 + stream.between(-0.17, 0.17);
        let tip = curve::<2>(points[twig], direction, 0.0, stream.between(0.2, 0.6))[1];
        figure.piece(points[twig], tip, [0.5 * width, 0.02], 0.0, Skin::Coat(0.95));
    }
}

fn bush(stream: &mut Stream, figure: &mut Figure) {
    for _ in 0..6 {
        let at = point(stream.between(-0.5, 0.5), stream.between(-0.3, 0.4));
        let (radius, depth) = (stream.between(0.15, 0.35), stream.between(-0.1, 0.2));
        figure.piece(at, at, [radius; 2], depth, Skin::Coat(stream.between(0.8, 1.15)));
    }
}

/// A ball from which horns and knobs stick out in any direction, so that neither points nor discs alone make an ear.
fn lump(stream: &mut Stream, figure: &mut Figure, mut is_horn: impl FnMut(&mut Stream) -> bool) {
    let inside: Colour = std::array::from_fn(|_| stream.between(0.15, 0.8));
    for _ in 0..2 + stream.below(3) {
        let direction = -0.25 + stream.between(-0.3, 0.3);
        let pointed = is_horn(stream);
        let [_, base, tip] = curve::<3>(point(0.0, 0.0), direction, 0.0, 0.8);
        let end = curve::<2>(base, direction, 0.0, if pointed { 0.5 } else { 0.22 })[1];
        let radii = if pointed { [0.2, 0.015] } else { [0.15, 0.2] };
        figure.piece(base, end, radii, -0.05, Skin::Coat(0.92));
        let heart = if pointed { base } else { tip };
        figure.bead(heart, 0.09, 0.1, Skin::Bare(inside));
    }
    figure.piece(point(-0.06, 0.0), point(0.06, 0.0), [stream.between(0.38, 0.48); 2], 0.0, Skin::Coat(1.0));
}
