//! The extent of a tensor along each of its axes.

use std::fmt;
use std::ops::Deref;

/// The most axes that a tensor can have.
pub const MAX_AXES: usize = 5;

/// The extent of a tensor along each axis, outermost first; pictures are `[N, height, width, channels]`.
///
/// ```
/// use convnet_tensor::Shape;
/// let shape = Shape::from([64, 28, 28, 1]);
/// assert_eq!(shape.size(), 50_176);
/// assert_eq!(shape.to_string(), "(64, 28, 28, 1)");
/// assert_eq!(shape.without_first(), Shape::from([28, 28, 1]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    // Unused axes are 0, so that comparison and hash may look at all of them.
    extents: [usize; MAX_AXES],
    axes: u8,
}

impl Shape {
    /// The shape with these extents.
    ///
    /// # Panics
    /// With more than [`MAX_AXES`] axes.
    pub fn new(extents: &[usize]) -> Shape {
        assert!(extents.len() <= MAX_AXES, "a tensor has at most {MAX_AXES} axes, not {}", extents.len());
        let mut all = [0; MAX_AXES];
        all[..extents.len()].copy_from_slice(extents);
        Shape { extents: all, axes: extents.len() as u8 }
    }

    /// The number of elements: the product of the extents, 1 without axes.
    ///
    /// # Panics
    /// When no machine could hold so many; [`Shape::checked_size`] tells.
    pub fn size(&self) -> usize {
        self.checked_size().expect("a tensor larger than the address space")
    }

    /// The number of elements, or `None` when it is beyond `usize`: for shapes that come from outside.
    pub fn checked_size(&self) -> Option<usize> {
        self.iter().try_fold(1usize, |size, &extent| size.checked_mul(extent))
    }

    /// This shape behind a new outermost axis: a picture's shape becomes a batch's.
    pub fn with_first(&self, extent: usize) -> Shape {
        let mut extents = [0; MAX_AXES + 1];
        extents[0] = extent;
        extents[1..=self.len()].copy_from_slice(self);
        Shape::new(&extents[..=self.len()])
    }

    /// This shape without its outermost axis: a batch's shape becomes a picture's.
    ///
    /// # Panics
    /// Without axes.
    pub fn without_first(&self) -> Shape {
        Shape::new(&self[1..])
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.extents[..self.axes as usize]
    }
}

impl<const AXES: usize> From<[usize; AXES]> for Shape {
    fn from(extents: [usize; AXES]) -> Shape {
        Shape::new(&extents)
    }
}

impl From<&[usize]> for Shape {
    fn from(extents: &[usize]) -> Shape {
        Shape::new(extents)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (axis, extent) in self.iter().enumerate() {
            write!(f, "{}{extent}", if axis == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
