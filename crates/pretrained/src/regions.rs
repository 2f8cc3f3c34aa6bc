//! Tensors whose numbers lie open in a file, each at a place that the file's header tells.

use crate::hdf5::ReadSeek;
use crate::number::NumberType;
use crate::stored::{Numbers, StoredTensor};
use crate::target::{Filling, Target};
use std::collections::HashMap;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// Numbers are read so many bytes at a time: large enough that a call costs nothing, small beside any model.
pub(crate) const WINDOW: usize = 1 << 20;

/// Where the numbers of a tensor lie.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    /// The byte of the first number.
    pub(crate) start: u64,
    /// For each axis, how many numbers its neighbours are apart; `None` where they are in order and without gaps.
    pub(crate) strides: Option<Vec<usize>>,
    /// Whether each number has its highest byte first.
    pub(crate) big_endian: bool,
}

/// A file with the regions of its tensors, by name.
pub(crate) struct Regions {
    reader: BufReader<Box<dyn ReadSeek>>,
    /// Where the reader stands, if that is known.
    at: Option<u64>,
    regions: HashMap<String, Region>,
}

/// What is read at once where runs are short.
const SHORT: usize = 64 << 10;

impl Regions {
    /// The reader of a file and where its tensors lie.
    pub(crate) fn new(reader: Box<dyn ReadSeek>, regions: HashMap<String, Region>) -> Regions {
        Regions { reader: BufReader::with_capacity(SHORT, reader), at: None, regions }
    }
}

impl Numbers for Regions {
    fn read(&mut self, tensor: &StoredTensor, to: Target<'_>) -> Result<(), String> {
        let wrong = |message: String| format!("`{}`: {message}", tensor.name);
        let region =
            self.regions.get(&tensor.name).ok_or_else(|| wrong("has no place in the file".into()))?;
        if tensor.size() != Some(to.len()) || tensor.numbers == NumberType::Other {
            return Err(wrong("its numbers are of a kind or count that does not fit".into()));
        }
        if to.len() == 0 {
            return Ok(());
        }
        let mut run = Run {
            reader: &mut self.reader,
            at: &mut self.at,
            numbers: tensor.numbers,
            big_endian: region.big_endian,
        };
        let Some(strides) = &region.strides else {
            let count = to.len();
            return run.read(region.start, count, &mut to.in_order()).map_err(wrong);
        };
        // Axis by axis as they lie, the widest steps first.
        let mut order: Vec<_> = (0..strides.len()).collect();
        order.sort_by_key(|&axis| std::cmp::Reverse(strides[axis]));
        let axes: Vec<_> = order
            .iter()
            .map(|&axis| (tensor.shape[axis], strides[axis]))
            .filter(|(extent, _)| *extent != 1)
            .collect();
        run.walk(region.start, &axes, &mut to.by(&order)).map_err(wrong)
    }
}

/// Reading one tensor.
struct Run<'a> {
    reader: &'a mut BufReader<Box<dyn ReadSeek>>,
    at: &'a mut Option<u64>,
    numbers: NumberType,
    big_endian: bool,
}

impl Run<'_> {
    /// `count` numbers from byte `start` on.
    fn read(&mut self, start: u64, count: usize, to: &mut Filling<'_>) -> Result<(), String> {
        // A step inside of what was read before costs nothing.
        let step = self.at.take().and_then(|at| i64::try_from(i128::from(start) - i128::from(at)).ok());
        let found = match step {
            Some(step) => self.reader.seek_relative(step),
            None => self.reader.seek(SeekFrom::Start(start)).map(|_| ()),
        };
        found.map_err(|error| format!("cannot be read: {error}"))?;
        copy(self.reader, self.numbers, self.big_endian, count, to)?;
        *self.at = Some(start + (count * self.numbers.bytes()) as u64);
        Ok(())
    }

    /// The numbers along axes of (extent, stride), the widest steps first.
    fn walk(&mut self, start: u64, axes: &[(usize, usize)], to: &mut Filling<'_>) -> Result<(), String> {
        // How many of the last axes lie side by side without a gap.
        let mut side_by_side = 1;
        let mut slower = axes.len();
        while slower > 0 && axes[slower - 1].1 == side_by_side {
            side_by_side *= axes[slower - 1].0;
            slower -= 1;
        }
        let axes = &axes[..slower];
        let mut index = vec![0; axes.len()];
        loop {
            let offset: usize = index.iter().zip(axes).map(|(index, (_, stride))| index * stride).sum();
            let at = start + (offset * self.numbers.bytes()) as u64;
            self.read(at, side_by_side.min(to.missing()), to)?;
            let mut axis = axes.len();
            loop {
                let Some(slower) = axis.checked_sub(1) else { return Ok(()) };
                index[slower] += 1;
                if index[slower] < axes[slower].0 {
                    break;
                }
                index[slower] = 0;
                axis = slower;
            }
        }
    }
}

/// Copies `count` numbers from where `reader` stands.
pub(crate) fn copy(
    reader: &mut (impl Read + ?Sized),
    numbers: NumberType,
    big_endian: bool,
    count: usize,
    to: &mut Filling<'_>,
) -> Result<(), String> {
    let each = numbers.bytes();
    let mut bytes = vec![0; count.saturating_mul(each).min(WINDOW)];
    let mut left = count;
    while left > 0 {
        let now = left.min(bytes.len() / each.max(1));
        let bytes = &mut bytes[..now * each];
        reader.read_exact(bytes).map_err(|error| format!("cannot be read: {error}"))?;
        if big_endian {
            bytes.chunks_exact_mut(each).for_each(<[u8]>::reverse);
        }
        to.put(numbers, bytes);
        left -= now;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::plain;
    use std::io::Cursor;

    fn read(shape: &[usize], strides: Option<&[usize]>, start: usize, big_endian: bool) -> Vec<f32> {
        let bytes: Vec<u8> = (0..60u16)
            .flat_map(|number| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() })
            .collect();
        let region = Region { start: 2 * start as u64, strides: strides.map(<[usize]>::to_vec), big_endian };
        let mut regions = Regions::new(Box::new(Cursor::new(bytes)), HashMap::from([("t".into(), region)]));
        let tensor = StoredTensor { name: "t".into(), shape: shape.into(), numbers: NumberType::U16 };
        let mut to = vec![f32::NAN; tensor.size().unwrap()];
        regions.read(&tensor, Target::new(&mut to, plain(shape))).unwrap();
        to
    }

    /// The definition: number by number.
    fn expected(shape: &[usize], strides: &[usize], start: usize) -> Vec<f32> {
        let size: usize = shape.iter().product();
        let number = |mut place: usize| {
            let mut offset = start;
            for (extent, stride) in shape.iter().zip(strides).rev() {
                offset += place % extent * stride;
                place /= extent;
            }
            offset as f32
        };
        (0..size).map(number).collect()
    }

    #[test]
    fn tensors_are_read_wherever_their_numbers_lie() {
        for big_endian in [false, true] {
            assert_eq!(read(&[2, 3], None, 5, big_endian), [5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
            for (shape, strides, start) in [
                (&[4, 5][..], &[1, 4][..], 0),
                (&[4, 5], &[5, 1], 7),
                (&[3, 4], &[20, 2], 1),
                (&[2, 2, 3], &[1, 24, 4], 3),
                (&[2, 1, 3, 4], &[12, 99, 1, 3], 2),
                (&[5], &[10], 9),
                (&[], &[], 59),
                (&[0, 3], &[3, 1], 0),
            ] {
                let found = read(shape, Some(strides), start, big_endian);
                assert_eq!(found, expected(shape, strides, start), "{shape:?} {strides:?}");
            }
        }
    }
}
