//! How large a scene shows what it is about, and where.

/// How a scene is framed: drawn for each scene from these ranges.
///
/// ```
/// use convnet_data::generated::Framing;
/// let upright = Framing { turn: 0.0, ..Framing::stand_in() };
/// assert_eq!(upright.scale, Framing::stand_in().scale);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Framing {
    /// Length of the body, in shorter sides of the picture, lowest and highest.
    pub scale: [f32; 2],
    /// How far the body is turned to either side at most, in turns: 0.25 is lying on its side.
    pub turn: f32,
    /// How far the body's middle lies from the picture's at most, in each direction, in fractions of the picture. A creature's
    /// head is brought back into the picture whatever this says.
    pub shift: f32,
}

impl Framing {
    /// That of the stand-in for cats and dogs.
    pub const fn stand_in() -> Framing {
        Framing { scale: [0.5, 0.9], turn: 0.08, shift: 0.2 }
    }

    /// Small objects anywhere: they cover 5–20 % of the picture, so that always pointing at its middle finds few of them.
    pub const fn small() -> Framing {
        Framing { scale: [0.27, 0.4], turn: 0.06, shift: 0.45 }
    }
}
