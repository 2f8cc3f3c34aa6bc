//! Writes a page about an invented run, to see what the report looks like: `sample_page [FOLDER]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use convnet_report::{
    Align, ColourMap, DataSource, Error, Experiment, Machine, Picture, Progress, Results, Status, Table,
    chart, create_folder, figures_in, grid, render, words, write_file,
};

fn main() -> Result<(), Error> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "target/sample-page".into()));
    create_folder(folder.join("figures"))?;

    let experiments = vec![digits(), dense(), convolution(), pooling(), shift(), cats_and_dogs(), broken()];
    let mut progress = Progress::stderr();
    progress.start("figures", experiments.len() as u64, "experiments");
    for experiment in &experiments {
        for path in &experiment.figures {
            write_file(folder.join(path), &draw(path)?)?;
        }
        progress.advance(1);
    }
    progress.finish();

    let source = |title: &str, generated, origin: &str| DataSource {
        title: title.into(),
        generated,
        origin: origin.into(),
    };
    let results = Results {
        when: Some(words::now()),
        profile: "quick".into(),
        seed: 1,
        threads: 2,
        machine: Machine::here(),
        data: BTreeMap::from([
            (
                "mnist".into(),
                source("MNIST", false, "60,000 training and 10,000 test pictures, checksums as published."),
            ),
            ("scenes".into(), source("painted scenes", true, "2,000 pictures painted from seed 1.")),
        ]),
        experiments,
        ..Results::default()
    };
    results.write(folder.join("results.json"))?;
    let read = Results::read(folder.join("results.json"))?;
    write_file(folder.join("index.html"), render(&read, &figures_in(&folder), None).as_bytes())?;

    let mut table = Table::new(&[
        ("experiment", Align::Left),
        ("status", Align::Left),
        ("test accuracy", Align::Right),
        ("time", Align::Right),
    ]);
    for experiment in &read.experiments {
        let accuracy = experiment.metrics.get("test_accuracy");
        let accuracy = accuracy.map(|&value| words::metric("test_accuracy", value)).unwrap_or_default();
        table.row([&experiment.id, experiment.status.word(), &accuracy, &words::seconds(experiment.seconds)]);
    }
    print!("{table}");
    Ok(())
}

fn experiment(id: &str, title: &str, data: Option<&str>, seconds: f64) -> Experiment {
    Experiment {
        id: id.into(),
        title: Some(title.into()),
        data: data.map(str::to_owned),
        seconds,
        predicted_seconds: Some(seconds * 0.9),
        peak_mib: Some(81.4),
        isa: Some("avx512".into()),
        convolution: Some("direct".into()),
        ..Experiment::default()
    }
}

fn numbers(values: &[(&str, f64)]) -> BTreeMap<String, f64> {
    values.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
}

fn with_figures(mut experiment: Experiment, figures: &[(&str, &str)]) -> Experiment {
    for (path, caption) in figures {
        experiment.add_figure(path, caption);
    }
    experiment
}

/// Curves as a training run leaves them: quickly up, then slowly, validation a little behind.
fn history(epochs: usize, prefix: &str, train: f64, validation: f64) -> BTreeMap<String, Vec<f64>> {
    let curve = |reach: f64, speed: f64, wobble: f64| -> Vec<f64> {
        (1..=epochs)
            .map(|epoch| {
                let t = epoch as f64;
                reach - (1.0 - reach + 0.06) * (-t * speed).exp() * 4.0 + wobble * (t * 2.3).sin()
            })
            .collect()
    };
    let loss = |accuracy: &[f64], growth: f64| -> Vec<f64> {
        accuracy.iter().enumerate().map(|(epoch, a)| (1.0 - a) * 3.2 + growth * epoch as f64).collect()
    };
    let (train, validation) = (curve(train, 0.9, 0.0), curve(validation, 1.2, 0.0012));
    BTreeMap::from([
        (format!("{prefix}train_loss"), loss(&train, 0.0)),
        (format!("{prefix}val_loss"), loss(&validation, 0.002)),
        (format!("{prefix}train_accuracy"), train),
        (format!("{prefix}val_accuracy"), validation),
    ])
}

fn digits() -> Experiment {
    let digits = Experiment {
        metrics: numbers(&[
            ("test_accuracy", 0.9908),
            ("test_loss", 0.0291),
            ("parameters", 93_322.0),
            ("images_per_second", 10_931.0),
        ]),
        book: BTreeMap::from([("test_accuracy".into(), [0.991, 0.993])]),
        note: Some("Within the run-to-run spread of ±0.2 points.".into()),
        history: history(5, "", 0.994, 0.9908),
        ..experiment("5.1", "A small convnet reads digits", Some("mnist"), 31.2)
    };
    with_figures(
        digits,
        &[
            (
                "figures/5.1-seeds.svg",
                "Five seeds, five runs of another program; the diamond is what the book prints.",
            ),
            ("figures/5.1-mistakes.svg", "The mistakes that the network was surest of."),
            ("figures/5.1-confusion.svg", "Rows are what was written, columns what was read."),
        ],
    )
}

fn dense() -> Experiment {
    Experiment {
        metrics: numbers(&[("test_accuracy", 0.9795), ("test_loss", 0.071), ("parameters", 407_050.0)]),
        book: BTreeMap::from([("test_accuracy".into(), [0.978, 0.978])]),
        history: history(5, "", 0.989, 0.9795),
        ..experiment("5.1-dense", "The dense network of chapter 2", Some("mnist"), 9.8)
    }
}

fn convolution() -> Experiment {
    let caption = "Kernels of the first layer: red weighs for, blue against.";
    with_figures(
        experiment("5.1.1", "The convolution operation", None, 0.4),
        &[
            ("figures/5.1.1-kernels.png", caption),
            ("figures/5.1.1-window.svg", "A window of three pixels moves along a line of twelve."),
        ],
    )
}

fn pooling() -> Experiment {
    let mut curves = history(5, "with pooling/", 0.985, 0.981);
    curves.extend(history(5, "without pooling/", 0.995, 0.978));
    let pooling = Experiment {
        metrics: numbers(&[
            ("with_pooling_test_accuracy", 0.981),
            ("with_pooling_coefficients", 576.0),
            ("with_pooling_parameters", 93_322.0),
            ("without_pooling_test_accuracy", 0.978),
            ("without_pooling_coefficients", 30_976.0),
            ("without_pooling_parameters", 2_038_922.0),
        ]),
        book: BTreeMap::from([
            ("without_pooling_coefficients".into(), [30_976.0; 2]),
            ("without_pooling_test_accuracy".into(), [0.978, 0.98]),
        ]),
        validation_name: Some("test".into()),
        history: curves,
        ..experiment("5.1.2", "Max-pooling, with and without", Some("mnist"), 74.0)
    };
    with_figures(pooling, &[("figures/5.1.2-accuracy.svg", "Pooling costs nothing in accuracy.")])
}

fn shift() -> Experiment {
    let caption = "The convnet keeps its accuracy for a few pixels; the dense network loses it at once.";
    let metrics = (0..=4).flat_map(|shift| {
        [("convnet", 0.02), ("dense", 0.11)].map(|(name, loss)| {
            (format!("shift_{shift}_{name}_accuracy"), 0.99 - loss * f64::from(shift * shift) / 2.0)
        })
    });
    let shift = Experiment {
        metrics: metrics.collect(),
        ..experiment("5.1-shift", "Translation invariance, measured", Some("mnist"), 5.1)
    };
    with_figures(shift, &[("figures/5.1-shift.svg", caption)])
}

fn cats_and_dogs() -> Experiment {
    Experiment {
        metrics: numbers(&[("best_val_accuracy", 0.893), ("val_accuracy", 0.881)]),
        book: BTreeMap::from([("best_val_accuracy".into(), [0.71, 0.74])]),
        history: history(30, "", 0.99, 0.89),
        ..experiment("5.2.4", "Cats and dogs from scratch", Some("scenes"), 128.0)
    }
}

fn broken() -> Experiment {
    Experiment {
        status: Status::Skipped,
        error: Some("Runs in profile book only.".into()),
        ..experiment("5.3.1b-unfrozen", "Feature extraction, base unfrozen", Some("scenes"), 0.0)
    }
}

/// The bytes of each invented figure.
fn draw(path: &str) -> Result<Vec<u8>, Error> {
    let svg = match path {
        "figures/5.1-seeds.svg" => {
            let row =
                |name: &str, values: [f64; 5]| chart::StripRow { name: name.into(), values: values.to_vec() };
            let rows = vec![
                row("convnet, seeds 1–5", [0.9908, 0.9911, 0.9899, 0.992, 0.9905]),
                row("another program", [0.9918, 0.9907, 0.9859, 0.9909, 0.9898]),
            ];
            let (title, x_label) = ("Test accuracy over five runs".into(), "test accuracy".into());
            chart::StripChart { title, x_label, percent: true, rows, book: Some([0.991, 0.993]) }.svg()
        }
        "figures/5.1-confusion.svg" => {
            let classes: Vec<_> = (0..10).map(|digit| digit.to_string()).collect();
            let counts: Vec<_> = (0..100)
                .map(|i| match (i / 10, i % 10) {
                    (truth, read) if truth == read => 975 + (i * 7) % 19,
                    (4, 9) => 11,
                    (9, 4) => 6,
                    (truth, read) => u64::from((truth * 3 + read * 5) % 7 == 0) * (1 + (truth + read) % 3),
                })
                .collect();
            chart::confusion_matrix("What was taken for what", &classes, &counts).unwrap_or_default()
        }
        "figures/5.1-mistakes.svg" => {
            let pictures: Result<Vec<_>, Error> = (0..10)
                .map(|i| Ok((ring(28, i as f32)?, format!("{i}, read as {}", (i * 7 + 3) % 10))))
                .collect();
            chart::gallery("Surest mistakes", &pictures?, 5, 76.0)?
        }
        "figures/5.1.1-window.svg" => {
            let mut canvas = chart::Canvas::new();
            for pixel in 0..12 {
                let x = 20.0 + 72.0 * f64::from(pixel);
                canvas.rectangle((x, 20.0), (64.0, 64.0), "ring l5", 0.0, "");
                canvas.text((x + 32.0, 56.0), chart::Anchor::Middle, "small", &format!("pixel {pixel}"));
            }
            canvas.rectangle((164.0, 14.0), (208.0, 76.0), "line l1", 0.0, "the window");
            canvas.finish(896.0, 104.0, "a window on a line of pixels")
        }
        "figures/5.1.2-accuracy.svg" => {
            let series =
                [("with pooling".to_owned(), vec![0.985, 0.981]), ("without".to_owned(), vec![0.995, 0.978])];
            chart::grouped_bars("Accuracy", true, &["training".into(), "test".into()], &series)
        }
        "figures/5.1-shift.svg" => {
            let line = |name: &str, from: f64, fall: f64| chart::Series {
                name: name.into(),
                points: (0..=8)
                    .map(|p| (f64::from(p), 0.1 + from / (1.0 + (f64::from(p) / fall).powi(4))))
                    .collect(),
                dashed: false,
            };
            chart::LineChart {
                title: "Accuracy on shifted digits".into(),
                x_label: "pixels shifted".into(),
                percent: true,
                series: vec![line("convnet", 0.89, 4.6), line("dense network", 0.88, 2.4)],
                ..chart::LineChart::default()
            }
            .svg()
        }
        _ => {
            let kernels: Result<Vec<_>, Error> = (0..32)
                .map(|k| {
                    let weights: Vec<_> = (0..9).map(|i| ((i * (k + 2)) as f32 * 0.7).sin()).collect();
                    Picture::coloured(3, 3, &weights, ColourMap::Diverging)?.enlarged(18)
                })
                .collect();
            return grid(&kernels?, 8, 6)?.to_png();
        }
    };
    Ok(svg.into_bytes())
}

/// A grey ring on black, a different one for each `turn`.
fn ring(side: usize, turn: f32) -> Result<Picture, Error> {
    let middle = side as f32 / 2.0;
    let pixels = (0..side * side).map(|i| {
        let (x, y) = ((i % side) as f32 - middle, (i / side) as f32 - middle);
        let radius = x.hypot(y * (1.0 + turn * 0.05)) + (y.atan2(x) * 2.0 + turn).sin() * 1.5;
        (255.0 * (1.0 - ((radius - 7.5).abs() / 2.5).min(1.0))) as u8
    });
    Picture::new(side, side, 1, pixels.collect())
}
