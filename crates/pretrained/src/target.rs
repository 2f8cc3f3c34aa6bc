//! Where the numbers of a tensor go: straight into the parameter that keeps them, wherever the file's layout puts each.
//!
//! A file gives numbers in its own order: a kernel of PyTorch as `[out, in, rows, columns]`, a Fortran array with the
//! first axis fastest. Each axis of the file is a walk over places of the parameter, so that turning a tensor around
//! takes no second copy of it.

use crate::number::NumberType;

/// One axis of a walk: how many steps, and how far apart they are in the tensor that is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) extent: usize,
    pub(crate) stride: usize,
}

/// For each axis of a stored tensor, the axes of the parameter that it stands for, slowest first.
pub(crate) type Walks = Vec<Vec<Axis>>;

/// The walks of a tensor that keeps its shape.
pub(crate) fn plain(shape: &[usize]) -> Walks {
    let mut stride = 1;
    let mut walks: Walks = Vec::with_capacity(shape.len());
    for &extent in shape.iter().rev() {
        walks.push(vec![Axis { extent, stride }]);
        stride *= extent;
    }
    walks.reverse();
    walks
}

/// The numbers of a parameter, to be filled.
pub(crate) struct Target<'a> {
    to: &'a mut [f32],
    walks: Walks,
}

impl<'a> Target<'a> {
    /// `to`, reached over these walks; together they must visit each of its places once.
    pub(crate) fn new(to: &'a mut [f32], walks: Walks) -> Target<'a> {
        Target { to, walks }
    }

    /// How many numbers are wanted.
    pub(crate) fn len(&self) -> usize {
        self.to.len()
    }

    /// For a file that has the tensor's axes in their order, the last one fastest.
    pub(crate) fn in_order(self) -> Filling<'a> {
        let order: Vec<_> = (0..self.walks.len()).collect();
        self.by(&order)
    }

    /// For a file that has the tensor's axes in this order, the last one fastest.
    pub(crate) fn by(self, order: &[usize]) -> Filling<'a> {
        let mut axes: Vec<Axis> = Vec::new();
        for axis in order.iter().flat_map(|&axis| &self.walks[axis]).filter(|axis| axis.extent != 1) {
            match axes.last_mut() {
                // Two axes that go on where the other ends are one.
                Some(last) if last.stride == axis.stride * axis.extent => {
                    *last = Axis { extent: last.extent * axis.extent, stride: axis.stride };
                }
                _ => axes.push(*axis),
            }
        }
        if axes.is_empty() {
            axes.push(Axis { extent: self.to.len(), stride: 1 });
        }
        let fastest = axes.pop().unwrap_or(Axis { extent: 0, stride: 1 });
        Filling {
            to: self.to,
            index: vec![0; axes.len()],
            slower: axes,
            fastest,
            start: 0,
            along: 0,
            filled: 0,
        }
    }
}

/// A parameter that is being filled.
pub(crate) struct Filling<'a> {
    to: &'a mut [f32],
    slower: Vec<Axis>,
    fastest: Axis,
    /// The place along each slower axis.
    index: Vec<usize>,
    /// Where the run along the fastest axis begins.
    start: usize,
    /// How far along the fastest axis.
    along: usize,
    filled: usize,
}

/// Numbers that are turned to f32 at a time where they do not stand side by side.
const HANDFUL: usize = 512;

impl Filling<'_> {
    /// How many numbers are still wanted.
    pub(crate) fn missing(&self) -> usize {
        self.to.len() - self.filled
    }

    /// The next numbers, little-endian. What is too much is left.
    pub(crate) fn put(&mut self, numbers: NumberType, mut bytes: &[u8]) {
        let each = numbers.bytes().max(1);
        let mut handful = [0.0; HANDFUL];
        while bytes.len() >= each && self.missing() > 0 {
            let count = (bytes.len() / each).min(self.fastest.extent - self.along).min(self.missing());
            let stride = self.fastest.stride;
            let place = self.start + self.along * stride;
            let count = if stride == 1 { count } else { count.min(HANDFUL) };
            let (now, rest) = bytes.split_at(count * each);
            if stride == 1 {
                numbers.widen(now, &mut self.to[place..place + count]);
            } else {
                numbers.widen(now, &mut handful[..count]);
                let places = self.to[place..].iter_mut().step_by(stride);
                places.zip(&handful[..count]).for_each(|(to, from)| *to = *from);
            }
            bytes = rest;
            self.filled += count;
            self.along += count;
            if self.along == self.fastest.extent {
                self.along = 0;
                self.next_run();
            }
        }
    }

    fn next_run(&mut self) {
        for (axis, index) in self.slower.iter().zip(&mut self.index).rev() {
            *index += 1;
            self.start += axis.stride;
            if *index < axis.extent {
                return;
            }
            self.start -= axis.stride * axis.extent;
            *index = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(numbers: impl IntoIterator<Item = u8>) -> Vec<u8> {
        numbers.into_iter().flat_map(|number| f32::from(number).to_le_bytes()).collect()
    }

    #[test]
    fn numbers_find_their_places_however_they_come() {
        // [2, 3] filled from [3, 2] turned around, in pieces of every size.
        let walks = vec![vec![Axis { extent: 3, stride: 1 }], vec![Axis { extent: 2, stride: 3 }]];
        for piece in 1..=6 {
            let mut to = [f32::NAN; 6];
            let mut filling = Target::new(&mut to, walks.clone()).in_order();
            bytes(0..6).chunks(piece * 4).for_each(|piece| filling.put(NumberType::F32, piece));
            assert_eq!(filling.missing(), 0);
            assert_eq!(to, [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        }
        // The same from a file with the first axis fastest: as it is.
        let mut to = [f32::NAN; 6];
        Target::new(&mut to, walks).by(&[1, 0]).put(NumberType::F32, &bytes(0..6));
        assert_eq!(to, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn a_plain_tensor_is_one_run_and_takes_no_more_than_it_holds() {
        let mut to = [f32::NAN; 24];
        let mut filling = Target::new(&mut to, plain(&[2, 3, 1, 4])).in_order();
        assert!(filling.slower.is_empty() && filling.fastest == Axis { extent: 24, stride: 1 });
        filling.put(NumberType::F32, &bytes(0..30));
        assert_eq!(filling.missing(), 0);
        assert!(to.iter().enumerate().all(|(place, number)| *number == place as f32));
        for shape in [&[][..], &[1, 1]] {
            let mut one = [0.0];
            Target::new(&mut one, plain(shape)).in_order().put(NumberType::U8, &[7]);
            assert_eq!(one, [7.0]);
        }
        let mut none = [];
        let mut filling = Target::new(&mut none, plain(&[3, 0, 2])).in_order();
        filling.put(NumberType::U8, &[7]);
        assert_eq!(filling.missing(), 0);
    }

    #[test]
    fn an_axis_may_stand_for_several() {
        // Rows of (channel, y) to columns of (y, channel): [out, 2 × 3] to [3 × 2, out].
        let (outputs, channels, rows) = (2, 2, 3);
        let inputs = vec![
            Axis { extent: channels, stride: outputs },
            Axis { extent: rows, stride: channels * outputs },
        ];
        let walks = vec![vec![Axis { extent: outputs, stride: 1 }], inputs];
        let mut to = [f32::NAN; 12];
        Target::new(&mut to, walks).in_order().put(NumberType::F32, &bytes(0..12));
        assert_eq!(to, [0.0, 6.0, 3.0, 9.0, 1.0, 7.0, 4.0, 10.0, 2.0, 8.0, 5.0, 11.0]);
    }
}
