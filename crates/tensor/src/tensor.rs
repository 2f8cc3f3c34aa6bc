//! The container: a shape, a start and a shared buffer.

use crate::derived::Derived;
use crate::{Error, Result, Shape};
use convnet_cpu::memory::{Buffer, Plain};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Numbers in row-major order behind a [`Shape`].
///
/// Cloning shares the buffer and costs nothing; a shared buffer is copied at the first write ([`Tensor::data_mut`]). So
/// a slice of a batch is a view, and a frozen network shared by two models exists once. The last drop gives the buffer
/// back to the recycler of `convnet_cpu::memory`.
///
/// ```
/// use convnet_tensor::Tensor;
/// let batch = Tensor::from_vec([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let second = batch.rows(1..2);
/// assert_eq!(second.data(), [4.0, 5.0, 6.0]);
/// # Ok::<(), convnet_tensor::Error>(())
/// ```
#[derive(Clone)]
pub struct Tensor<T: Plain = f32> {
    shape: Shape,
    start: usize,
    shared: Arc<Shared<T>>,
}

struct Shared<T: Plain> {
    numbers: Buffer<T>,
    derived: Derived,
}

impl<T: Plain> Shared<T> {
    fn new(numbers: Buffer<T>) -> Arc<Shared<T>> {
        Arc::new(Shared { numbers, derived: Derived::default() })
    }
}

impl<T: Plain> Tensor<T> {
    /// A tensor with unspecified contents, for an operation that writes all of it.
    pub fn recycled(shape: impl Into<Shape>) -> Tensor<T> {
        let shape = shape.into();
        Tensor { shape, start: 0, shared: Shared::new(Buffer::recycled(shape.size())) }
    }

    /// A tensor of zeros.
    pub fn zeros(shape: impl Into<Shape>) -> Tensor<T> {
        let shape = shape.into();
        Tensor { shape, start: 0, shared: Shared::new(Buffer::zeros(shape.size())) }
    }

    /// A tensor with the same number everywhere.
    pub fn full(shape: impl Into<Shape>, number: T) -> Tensor<T> {
        let mut tensor = Tensor::recycled(shape);
        tensor.data_mut().fill(number);
        tensor
    }

    /// A tensor without axes: one number.
    pub fn scalar(number: T) -> Tensor<T> {
        Tensor::full([], number)
    }

    /// A tensor with a copy of `numbers`, row-major.
    ///
    /// # Errors
    /// [`Error::Length`] when there are more or fewer numbers than `shape` holds.
    pub fn from_slice(shape: impl Into<Shape>, numbers: &[T]) -> Result<Tensor<T>> {
        let shape = shape.into();
        if numbers.len() != shape.size() {
            return Err(Error::Length { shape, found: numbers.len() });
        }
        Ok(Tensor { shape, start: 0, shared: Shared::new(Buffer::copied(numbers)) })
    }

    /// As [`Tensor::from_slice`].
    pub fn from_vec(shape: impl Into<Shape>, numbers: Vec<T>) -> Result<Tensor<T>> {
        Tensor::from_slice(shape, &numbers)
    }

    /// A tensor whose element at each row-major position is `number(position)`.
    pub fn from_fn(shape: impl Into<Shape>, mut number: impl FnMut(usize) -> T) -> Tensor<T> {
        let mut tensor = Tensor::recycled(shape);
        tensor.data_mut().iter_mut().enumerate().for_each(|(position, slot)| *slot = number(position));
        tensor
    }

    /// The extents.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The extent of the outermost axis: how many pictures a batch holds.
    ///
    /// # Panics
    /// Without axes.
    pub fn len_first(&self) -> usize {
        self.shape[0]
    }

    /// The number of elements.
    pub fn size(&self) -> usize {
        self.shape.size()
    }

    /// The numbers, row-major.
    pub fn data(&self) -> &[T] {
        &self.shared.numbers[self.start..self.start + self.shape.size()]
    }

    /// The numbers, to be changed. A buffer that others share is copied first, and what was derived from it is forgotten.
    pub fn data_mut(&mut self) -> &mut [T] {
        // A weak handle never exists, so `get_mut` fails exactly when another tensor shares the buffer.
        if Arc::get_mut(&mut self.shared).is_none() {
            self.shared = Shared::new(Buffer::copied(self.data()));
            self.start = 0;
        }
        let size = self.shape.size();
        let shared = Arc::get_mut(&mut self.shared).expect("the buffer was made unique just above");
        shared.derived.clear();
        &mut shared.numbers[self.start..self.start + size]
    }

    /// Entries `range` of the outermost axis, as a view of the same buffer.
    ///
    /// # Panics
    /// When `range` leaves the axis, or without axes.
    pub fn rows(&self, range: Range<usize>) -> Tensor<T> {
        let each = self.shape.without_first();
        assert!(
            range.start <= range.end && range.end <= self.shape[0],
            "rows {range:?} of a tensor {}",
            self.shape
        );
        let start = self.start + range.start * each.size();
        Tensor { shape: each.with_first(range.len()), start, shared: Arc::clone(&self.shared) }
    }

    /// The same numbers behind another shape, as a view of the same buffer.
    ///
    /// # Errors
    /// [`Error::Length`] when the shapes hold different numbers of elements.
    pub fn reshaped(&self, shape: impl Into<Shape>) -> Result<Tensor<T>> {
        let shape = shape.into();
        if shape.size() != self.shape.size() {
            return Err(Error::Length { shape, found: self.shape.size() });
        }
        Ok(Tensor { shape, start: self.start, shared: Arc::clone(&self.shared) })
    }

    /// Whether both tensors are views of one buffer: how a test sees that a frozen weight was never copied.
    pub fn shares_buffer_with(&self, other: &Tensor<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A value computed from the numbers (packed or transformed weights, say), kept beside them until the next write.
    ///
    /// `name` tells values of one type apart. The value is computed outside any lock, as it may run parallel work: two
    /// threads that ask at the same moment may both compute it, and the first to finish wins. A view of part of a buffer
    /// computes afresh.
    pub fn derived<D: Send + Sync + 'static>(&self, name: u64, compute: impl FnOnce() -> D) -> Arc<D> {
        if self.shape.size() != self.shared.numbers.len() {
            return Arc::new(compute());
        }
        self.shared.derived.get(name, compute)
    }
}

impl Tensor<f32> {
    /// The same numbers as f64.
    pub fn to_f64(&self) -> Tensor<f64> {
        let data = self.data();
        Tensor::from_fn(self.shape, |position| f64::from(data[position]))
    }
}

impl Tensor<f64> {
    /// The nearest f32 numbers.
    pub fn to_f32(&self) -> Tensor<f32> {
        let data = self.data();
        Tensor::from_fn(self.shape, |position| data[position] as f32)
    }
}

/// Equal shapes and equal numbers (so NaN differs from itself).
impl<T: Plain> PartialEq for Tensor<T> {
    fn eq(&self, other: &Tensor<T>) -> bool {
        self.shape == other.shape && self.data() == other.data()
    }
}

impl<T: Plain> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        write!(f, "Tensor {} ", self.shape)?;
        f.debug_list().entries(self.data().iter().take(SHOWN)).finish()?;
        if self.size() > SHOWN { f.write_str(" …") } else { Ok(()) }
    }
}
