//! Running a part of the computation slice by slice of the batch, in parallel, forward and backward.

use crate::operation::InputGradients;
use crate::operations;
use crate::profile::Profile;
use crate::tape::Tape;
use crate::value::Value;
use convnet_cpu::{elementwise, parallel};
use convnet_tensor::{Error, Result, Shape, Tensor};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// One slice after its forward pass: its tape, and its outputs' places there (their tensors have been copied out).
struct Slice {
    tape: Tape,
    outputs: Vec<Value>,
}

/// The gradients of one slice: of its rows of `x`, and its partial sums for the weights.
type Partial = Result<(Vec<Option<Tensor>>, Profile)>;

impl Tape {
    /// Runs `body` on slices of the batch, in parallel, and joins what it returns along the outermost axis.
    ///
    /// `x` are cut along their outermost axis; `weights` are seen whole by every slice. The slices are
    /// `parallel::groups` of the pictures, a matter of the batch's size alone, and the gradients of weights are added up
    /// in the order of the slices: no bit depends on the number of threads. Where no gradient is wanted, nothing is added up,
    /// and slices hold `most` pictures at most. `body` gets the slice's tape, the range of pictures, and its inputs; it must
    /// treat every picture alike.
    ///
    /// # Errors
    /// The first error of any slice.
    pub fn in_slices(
        &mut self,
        x: &[&Value],
        weights: &[&Value],
        most: usize,
        body: impl Fn(&mut Tape, Range<usize>, &[Value], &[Value]) -> Result<Vec<Value>> + Sync,
    ) -> Result<Vec<Value>> {
        let owned = |values: &[&Value]| values.iter().map(|&value| value.clone()).collect::<Vec<_>>();
        let pictures = x.first().map_or(0, |value| value.tensor.len_first());
        for value in x {
            let fits = value.shape().first() == Some(&pictures);
            operations::expect(
                fits,
                "slices",
                || format!("inputs of {pictures} pictures each"),
                value.shape(),
            )?;
        }
        let inputs: Vec<&Value> = x.iter().chain(weights).copied().collect();
        let nodes = inputs.iter().map(|value| self.index_of(value)).collect::<Result<Vec<_>>>()?;
        let ranges: Vec<_> = if nodes.iter().all(Option::is_none) {
            parallel::slices(pictures, most.max(1)).collect()
        } else {
            parallel::groups(pictures).collect()
        };
        if ranges.len() <= 1 || self.recording.is_some() {
            // Nothing to divide: the loops inside divide their own work.
            return body(self, 0..pictures, &owned(x), &owned(weights));
        }

        let settings = self.settings;
        let done: Vec<Mutex<Option<Result<Slice>>>> = ranges.iter().map(|_| Mutex::new(None)).collect();
        parallel::for_each(ranges.len(), |slice| {
            let result = parallel::in_slice(|| {
                let range = ranges[slice].clone();
                let mut tape = Tape::of_slice(settings);
                let mut values = Vec::with_capacity(inputs.len());
                for (place, value) in inputs.iter().enumerate() {
                    let is_cut = place < x.len();
                    let tensor = if is_cut { value.tensor.rows(range.clone()) } else { value.tensor.clone() };
                    let value = Value::constant(tensor);
                    values.push(if nodes[place].is_some() { tape.watch(&value, place)? } else { value });
                }
                let weights = values.split_off(x.len());
                let pictures = range.len();
                let outputs = body(&mut tape, range, &values, &weights)?;
                for value in &outputs {
                    let fits = value.shape().first() == Some(&pictures);
                    operations::expect(
                        fits,
                        "slices",
                        || format!("outputs of {pictures} pictures"),
                        value.shape(),
                    )?;
                }
                Ok(Slice { tape, outputs })
            });
            *done[slice].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        });
        let mut slices = Vec::with_capacity(ranges.len());
        for slot in done {
            let result = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
            let mut slice = result.expect("every slice has run")?;
            self.profile.absorb(slice.tape.take_profile());
            let kinds = |slice: &Slice| -> Vec<Shape> {
                slice.outputs.iter().map(|value| value.shape().without_first()).collect()
            };
            if let Some(first) = slices.first()
                && kinds(first) != kinds(&slice)
            {
                return Err(Error::Slices { first: kinds(first), other: kinds(&slice) });
            }
            slices.push(slice);
        }

        let outputs: Vec<_> =
            (0..slices[0].outputs.len()).map(|output| joined(&slices, output, pictures)).collect();
        for slice in &mut slices {
            // Only the place is still needed; the numbers live on in the joined tensor and in what operations saved.
            slice.outputs.iter_mut().for_each(|value| value.tensor = Tensor::zeros([0]));
        }
        // A tape may be empty and its output wanted all the same: dropout that predicts gives back what it got.
        if !slices[0].outputs.iter().any(Value::is_wanted) {
            return Ok(outputs.into_iter().map(|(tensor, _)| Value::constant(tensor)).collect());
        }

        let cut = x.len();
        let whole: Vec<_> = inputs.iter().map(|value| value.shape()).collect();
        let slices: Vec<_> = slices.into_iter().map(|slice| Mutex::new(Some(slice))).collect();
        let backward =
            Box::new(move |gradients: Vec<_>, to: &mut InputGradients<'_>, measured: &mut Profile| {
                // One seed per wanted output, in the order of the outputs.
                let gradients: Vec<Option<Tensor>> = gradients;
                let produce = |index: usize| -> Partial {
                    let slice = slices[index].lock().unwrap_or_else(PoisonError::into_inner).take();
                    let Slice { mut tape, outputs } = slice.expect("each slice is walked once");
                    let mut partial = vec![None; whole.len()];
                    parallel::in_slice(|| {
                        let seeds: Vec<_> = outputs
                            .iter()
                            .filter(|value| value.is_wanted())
                            .zip(&gradients)
                            .filter_map(|(value, whole)| {
                                Some((value, whole.as_ref()?.rows(ranges[index].clone())))
                            })
                            .collect();
                        tape.backward(&seeds, |place, gradient| {
                            partial[place] = Some(gradient);
                            Ok(())
                        })
                    })?;
                    Ok((partial, tape.take_profile()))
                };
                let mut sums: Vec<Option<Tensor>> = vec![None; whole.len()];
                let mut failure: Option<Error> = None;
                parallel::ordered_fold(ranges.len(), produce, |index, partial| match partial {
                    Ok((partial, profile)) => {
                        measured.absorb(profile);
                        for (place, gradient) in partial.into_iter().enumerate() {
                            let Some(gradient) = gradient else { continue };
                            if place < cut {
                                let each = whole[place].without_first().size();
                                let sum = sums[place].get_or_insert_with(|| Tensor::recycled(whole[place]));
                                let rows = ranges[index].start * each..ranges[index].end * each;
                                sum.data_mut()[rows].copy_from_slice(gradient.data());
                            } else {
                                match &mut sums[place] {
                                    Some(sum) => elementwise::add_assign(sum.data_mut(), gradient.data()),
                                    slot => *slot = Some(gradient),
                                }
                            }
                        }
                    }
                    Err(error) => failure = failure.take().or(Some(error)),
                });
                if let Some(error) = failure {
                    return Err(error);
                }
                for (place, sum) in sums.into_iter().enumerate() {
                    if let Some(sum) = sum {
                        to.give(place, || sum);
                    }
                }
                Ok(())
            });
        Ok(self.record_many("slices", nodes, outputs, backward))
    }
}

/// Output `output` of all slices, one below the other, and whether its gradient is wanted.
fn joined(slices: &[Slice], output: usize, pictures: usize) -> (Tensor, bool) {
    let each = slices[0].outputs[output].shape().without_first();
    let mut joined = Tensor::recycled(each.with_first(pictures));
    let mut rest = &mut *joined.data_mut();
    for slice in slices {
        let from = slice.outputs[output].tensor.data();
        let (rows, below) = rest.split_at_mut(from.len());
        rows.copy_from_slice(from);
        rest = below;
    }
    (joined, slices[0].outputs[output].is_wanted())
}
