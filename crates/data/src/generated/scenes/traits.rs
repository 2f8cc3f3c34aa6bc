//! The vocabulary of scenes: what they are about, what creatures can look like, and what of that a class fixes.

use super::markings::Markings;
use super::things::Thing;
use convnet_tensor::Stream;

/// The form of a creature's ears. Pointed and round ones are equally large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ears {
    /// Upright, running to a point.
    Pointed,
    /// Upright, ending in a disc.
    Round,
    /// Hanging down beside the head.
    Drooping,
    /// Upright, long and equally wide all the way.
    Long,
    /// A ball on a stalk.
    Stalked,
    /// Thin horns that bend outwards.
    Curved,
    /// A stem that parts in two.
    Forked,
    /// Upright at first, the tip hanging outwards.
    Folded,
    /// A short stem below a bar.
    Barred,
    /// None at all.
    Absent,
}

/// The form of a creature's tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tail {
    /// Long and thin.
    Thin,
    /// Long, thickest behind its middle.
    Bushy,
    /// Hardly there.
    Stub,
}

/// How a creature holds its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pose {
    /// On four legs, seen from the side.
    Standing,
    /// On its haunches, seen from the side.
    Sitting,
    /// On the ground, seen from the side.
    Lying,
    /// On its haunches, seen from the front.
    Facing,
}

impl Ears {
    /// All of them.
    pub const ALL: [Ears; 10] = [
        Ears::Pointed,
        Ears::Round,
        Ears::Drooping,
        Ears::Long,
        Ears::Stalked,
        Ears::Curved,
        Ears::Forked,
        Ears::Folded,
        Ears::Barred,
        Ears::Absent,
    ];
}

impl Tail {
    /// All of them.
    pub const ALL: [Tail; 3] = [Tail::Thin, Tail::Bushy, Tail::Stub];
}

impl Pose {
    /// All of them.
    pub const ALL: [Pose; 4] = [Pose::Standing, Pose::Sitting, Pose::Lying, Pose::Facing];
}

/// What is known of a creature before it is drawn; the rest is left to chance, all forms alike.
///
/// ```
/// use convnet_data::generated::{Ears, Tail, Traits};
/// let bushy = Traits { ears: Some(Ears::Round), tail: Some(Tail::Bushy), ..Traits::default() };
/// assert_eq!(bushy.pose, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Traits {
    /// The form of the ears.
    pub ears: Option<Ears>,
    /// The form of the tail.
    pub tail: Option<Tail>,
    /// The markings of the coat.
    pub markings: Option<Markings>,
    /// How the body is held.
    pub pose: Option<Pose>,
}

/// What a scene is about: the largest object in it, whose place the mask tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A creature with these traits.
    Creature(Traits),
    /// A thing with these markings, or with any.
    Thing(Thing, Option<Markings>),
}

impl From<Traits> for Subject {
    fn from(traits: Traits) -> Subject {
        Subject::Creature(traits)
    }
}

impl From<Looks> for Traits {
    fn from(looks: Looks) -> Traits {
        Traits {
            ears: Some(looks.ears),
            tail: Some(looks.tail),
            markings: Some(looks.markings),
            pose: Some(looks.pose),
        }
    }
}

/// Everything that [`Traits`] may leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Looks {
    pub(super) ears: Ears,
    pub(super) tail: Tail,
    pub(super) markings: Markings,
    pub(super) pose: Pose,
}

impl Looks {
    /// Each form is drawn whether it is needed or not: what a class fixes changes nothing else in the scene.
    pub(super) fn draw(traits: Traits, stream: &mut Stream) -> Looks {
        let ears = Ears::ALL[stream.below(Ears::ALL.len())];
        let tail = Tail::ALL[stream.below(Tail::ALL.len())];
        let markings = Markings::ALL[stream.below(Markings::ALL.len())];
        let pose = Pose::ALL[stream.below(Pose::ALL.len())];
        Looks {
            ears: traits.ears.unwrap_or(ears),
            tail: traits.tail.unwrap_or(tail),
            markings: traits.markings.unwrap_or(markings),
            pose: traits.pose.unwrap_or(pose),
        }
    }
}
