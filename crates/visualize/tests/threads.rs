//! What is asked may be asked from any thread, and the answer does not depend on how many there are.

mod common;

use common::{nested, random};
use convnet_cpu::parallel;
use convnet_visualize::activations::{ChannelStatistics, Excited, MostExciting};
use convnet_visualize::filters::{Ascent, Filters, ascend};
use convnet_visualize::heatmaps::{Integrated, LayerGradient, Method};
use convnet_visualize::honesty::{AverageDrop, Curve, Perturbation, Saturation, Twin, deletion};
use convnet_visualize::{Baseline, ColourMap, Error, Similar, Target};

#[test]
fn everything_may_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<(Target, Baseline, ColourMap, Error, Similar)>();
    crosses::<(ChannelStatistics, Excited, MostExciting<'static>)>();
    crosses::<(Method, Integrated, LayerGradient)>();
    crosses::<(AverageDrop, Curve, Perturbation, Saturation, Twin)>();
    crosses::<(Ascent, Filters)>();
}

#[test]
fn threads_change_no_bit_of_any_answer() {
    let (model, x) = (nested(), random([5, 14, 12, 3], 1));
    let answers = || {
        let mut all = Vec::new();
        for method in Method::all() {
            all.push(method.heat(&model, &x, "base/relu", &Target::predicted()).unwrap());
        }
        let target = Target::predicted().probability();
        let curves = deletion(&model, &x, &all[0], &target, &Perturbation::deletion()).unwrap();
        all.push(ascend(&model, "base/conv2", &[0, 1, 2, 3, 4], &Ascent::better([15, 13])).unwrap().numbers);
        (all, curves)
    };
    let expected = answers();
    for threads in [1, 2, 3] {
        assert!(parallel::install(threads, answers).unwrap() == expected, "{threads} threads");
    }
}
