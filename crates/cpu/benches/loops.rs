//! Speed of the plain loops in bytes that must be read and written per second, beside copying memory.
//!
//! `cargo bench -p convnet-cpu --bench loops`

use convnet_cpu::pool2d::{self, Geometry};
use convnet_cpu::window::Window;
use convnet_cpu::{batch_normalization, elementwise, parallel, reduce, softmax};
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use std::time::Duration;

fn numbers(len: usize) -> Vec<f32> {
    // A multiplicative generator is random enough for branches and maxima.
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200));
    group
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, numbers: usize, mut work: impl FnMut()) {
    group
        .throughput(Throughput::Bytes(4 * numbers as u64))
        .bench_function(name, |bencher| bencher.iter(&mut work));
}

/// The activation of the chapter's first layer: one picture as inside a slice, and a batch of 64 on all threads.
fn pooling(criterion: &mut Criterion) {
    for (label, pictures) in [("picture in a slice", 1), ("batch of 64", 64)] {
        let mut group = group(criterion, &format!("pool 26×26×32, {label}"));
        let run = |work: &mut dyn FnMut()| if pictures == 1 { parallel::in_slice(work) } else { work() };
        for (name, window) in [("2×2/2", Window::new([2, 2], [2, 2])), ("3×3/2", Window::new([3, 3], [2, 2]))]
        {
            let g = Geometry { height: 26, width: 26, channels: 32, window };
            let (input, output) = (pictures * g.input_len(), pictures * g.output_len());
            let (x, dy) = (numbers(input), numbers(output));
            let (mut y, mut dx, mut argmax) = (numbers(output), numbers(input), vec![0; output]);
            measure(&mut group, &format!("max {name}"), input + output, || {
                run(&mut || pool2d::max::forward(&g, &x, &mut y, None));
            });
            measure(&mut group, &format!("max {name} with arg-max"), input + 2 * output, || {
                run(&mut || pool2d::max::forward(&g, &x, &mut y, Some(&mut argmax)));
            });
            measure(&mut group, &format!("max gradient {name}"), input + 2 * output, || {
                run(&mut || pool2d::max::gradient(&g, &dy, &argmax, &mut dx));
            });
            measure(&mut group, &format!("average {name}"), input + output, || {
                run(&mut || pool2d::average::forward(&g, &x, &mut y));
            });
            measure(&mut group, &format!("average gradient {name}"), input + output, || {
                run(&mut || pool2d::average::gradient(&g, &dy, &mut dx));
            });
            if name == "2×2/2" {
                measure(&mut group, "global average", input, || {
                    run(&mut || pool2d::global::average(26 * 26, 32, &x, &mut y[..pictures * 32]));
                });
            }
        }
    }
}

fn loops(criterion: &mut Criterion) {
    for (label, len) in [("24 K numbers in a slice", 24 << 10), ("4 M numbers", 4 << 20)] {
        let mut group = group(criterion, label);
        let run = |work: &mut dyn FnMut()| if len < 1 << 16 { parallel::in_slice(work) } else { work() };
        let (x, mut y) = (numbers(len), numbers(len));
        let keep: Vec<u8> = x.iter().map(|&x| u8::from(x > 0.0)).collect();
        measure(&mut group, "copy (yardstick)", 2 * len, || run(&mut || y.copy_from_slice(&x)));
        measure(&mut group, "add_assign", 3 * len, || run(&mut || elementwise::add_assign(&mut y, &x)));
        measure(&mut group, "relu", 2 * len, || run(&mut || elementwise::relu(None, &x, &mut y)));
        measure(&mut group, "relu6", 2 * len, || run(&mut || elementwise::relu(Some(6.0), &x, &mut y)));
        measure(&mut group, "relu_gradient", 3 * len, || {
            run(&mut || elementwise::relu_gradient(None, &x, &mut y))
        });
        measure(&mut group, "guided_relu_gradient", 3 * len, || {
            run(&mut || elementwise::guided_relu_gradient(None, &x, &mut y));
        });
        measure(&mut group, "dropout", 2 * len, || run(&mut || elementwise::dropout(&keep, 2.0, &x, &mut y)));
        measure(&mut group, "is_finite", len, || run(&mut || assert!(elementwise::is_finite(&x))));
        measure(&mut group, "sigmoid", 2 * len, || run(&mut || elementwise::sigmoid(&x, &mut y)));
        measure(&mut group, "softmax, rows of 16", 2 * len, || run(&mut || softmax::forward(16, &x, &mut y)));
        measure(&mut group, "sum", len, || run(&mut || assert!(reduce::sum(&x).is_finite())));
        for channels in [2, 32] {
            let name = |name| format!("{name}, {channels} channels");
            let [mut mean, mut variance, mut dgamma, mut dbeta] = [(); 4].map(|()| vec![1.0; channels]);
            let (gamma, beta) = (numbers(channels), numbers(channels));
            measure(&mut group, &name("column_sums"), len, || {
                run(&mut || reduce::column_sums(channels, &x, &mut mean));
            });
            measure(&mut group, &name("moments"), len, || {
                run(&mut || reduce::moments(channels, &x, &mut mean, &mut variance));
            });
            measure(&mut group, &name("predict"), 2 * len, || {
                run(&mut || batch_normalization::predict(channels, &gamma, &beta, &x, &mut y));
            });
            measure(&mut group, &name("learn"), 2 * len, || {
                run(&mut || {
                    batch_normalization::learn(channels, &mean, &variance, 1e-3, &gamma, &beta, &x, &mut y);
                });
            });
            let dy = numbers(len);
            measure(&mut group, &name("learn_gradient"), 5 * len, || {
                run(&mut || {
                    let (dx, dgamma, dbeta) = (Some(&mut y[..]), &mut dgamma, &mut dbeta);
                    batch_normalization::learn_gradient(
                        channels, &mean, &variance, 1e-3, &gamma, &x, &dy, dx, dgamma, dbeta,
                    );
                });
            });
        }
    }
}

criterion_group!(benches, pooling, loops);
criterion_main!(benches);
