//! The programs that ours is measured beside.

use super::ours::FROM_MEMORY;

/// Another program that runs the same workloads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// The name in its lines.
    pub(super) name: &'static str,
    /// What it has a script or program for.
    workloads: &'static [&'static str],
    pub(super) start: Start,
}

/// How a peer is started.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    /// A script of the peers' folder for a Python that has these modules.
    Script { file: &'static str, modules: &'static str, variant: &'static str },
    /// The script that reads ONNX files, in the same way.
    OnnxScript { library: &'static str, variant: &'static str },
    /// The script that reads and changes pictures.
    InputScript { library: &'static str, modules: &'static str },
    /// A script that lies beside this file.
    OwnScript { script: &'static str, modules: &'static str, variant: &'static str },
    /// A program that was built before; the arguments stand between workload and threads.
    Program { file: &'static str, arguments: &'static [&'static str] },
    /// This program, asked for something else by name.
    Ourselves { name: &'static str },
    /// The built program that reads ONNX files.
    OnnxProgram { library: &'static str },
}

const TRAINING: &[&str] = &["mnist_train", "catsdogs_train"];
const PREDICTION: &[&str] = &["vgg16_forward", "vgg16_latency", "mobilenet_forward"];
const RUST: &[&str] = &["mnist_train", "catsdogs_train", "vgg16_forward", "vgg16_latency"];
const FRAMEWORK: &[&str] = &[
    "mnist_train",
    "catsdogs_train",
    "vgg16_forward",
    "vgg16_latency",
    "vgg16_finetune_step",
    "mobilenet_forward",
];

const KERAS: &str = "tensorflow, keras";

const fn keras(name: &'static str, variant: &'static str, workloads: &'static [&'static str]) -> Peer {
    Peer { name, workloads, start: Start::Script { file: "bench_keras.py", modules: KERAS, variant } }
}

const fn torch(name: &'static str, variant: &'static str, workloads: &'static [&'static str]) -> Peer {
    Peer { name, workloads, start: Start::Script { file: "bench_torch.py", modules: "torch", variant } }
}

const fn onnx(name: &'static str, library: &'static str, variant: &'static str) -> Peer {
    Peer { name, workloads: PREDICTION, start: Start::OnnxScript { library, variant } }
}

const fn input(name: &'static str, modules: &'static str, workloads: &'static [&'static str]) -> Peer {
    Peer { name, workloads, start: Start::InputScript { library: name, modules } }
}

const fn starting(name: &'static str, modules: &'static str, variant: &'static str) -> Peer {
    let script = include_str!("bench_start.py");
    Peer { name, workloads: &["start"], start: Start::OwnScript { script, modules, variant } }
}

/// All peers, each by every variant that may be the best on some machine. Those in bf16 are measured for the record:
/// their numbers have 8 bits where ours have 24.
const ALL: &[Peer] = &[
    keras("keras-fit", "fit", FRAMEWORK),
    torch("torch-eager", "eager", FRAMEWORK),
    torch("torch-channels_last", "channels_last", FRAMEWORK),
    torch("torch-compile", "compile", FRAMEWORK),
    onnx("onnxruntime-f32", "onnxruntime", "f32"),
    onnx("openvino-f32", "openvino", "f32"),
    onnx("openvino-streams", "openvino", "streams"),
    Peer {
        name: "burn-flex",
        workloads: RUST,
        start: Start::Program { file: "peer-burn", arguments: &["flex"] },
    },
    Peer { name: "candle", workloads: RUST, start: Start::Program { file: "peer-candle", arguments: &[] } },
    Peer { name: "rten", workloads: PREDICTION, start: Start::OnnxProgram { library: "rten" } },
    Peer { name: "tract", workloads: PREDICTION, start: Start::OnnxProgram { library: "tract" } },
    onnx("openvino-bf16", "openvino", "bf16"),
    torch("torch-bf16", "bf16", PREDICTION),
    keras("keras-bf16", "bf16", TRAINING),
    input("cv2", "cv2, numpy", &["decode", "augment"]),
    input("torchvision", "torchvision, torch, numpy", &["decode", "augment"]),
    input("pillow", "PIL, numpy", &["decode"]),
    input("pillow_draft", "PIL, numpy", &["decode"]),
    input("tf", "tensorflow, numpy", &["decode"]),
    input("keras", "tensorflow, keras, scipy, numpy", &["augment"]),
    input("keras_layers", "tensorflow, keras, numpy", &["augment"]),
    Peer { name: FROM_MEMORY, workloads: &["from_files"], start: Start::Ourselves { name: FROM_MEMORY } },
    starting("keras-fit", KERAS, "keras"),
    starting("torch-eager", "torch", "torch"),
    Peer {
        name: "keras-function",
        workloads: &["filters"],
        start: Start::OwnScript {
            script: include_str!("bench_filters.py"),
            modules: KERAS,
            variant: "keras",
        },
    },
];

/// The peers that know a workload.
pub(super) fn of(workload: &str) -> impl Iterator<Item = &'static Peer> {
    ALL.iter().filter(move |peer| peer.workloads.contains(&workload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workload;

    #[test]
    fn every_workload_has_peers_and_none_twice() {
        for workload in workload::ALL {
            let names: Vec<_> = of(workload.name).map(|peer| peer.name).collect();
            let one = [[FROM_MEMORY], ["keras-function"]];
            assert!(names.len() > 1 || one.iter().any(|one| names == one), "{}: {names:?}", workload.name);
            let first = ["keras-fit", "cv2", FROM_MEMORY, "keras-function"];
            assert!(first.contains(&names[0]), "{}: {names:?}", workload.name);
            let once: std::collections::BTreeSet<_> = names.iter().collect();
            assert_eq!(once.len(), names.len(), "{}", workload.name);
        }
        assert_eq!(of("no such workload").count(), 0);
    }
}
