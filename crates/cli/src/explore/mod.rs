//! `convnet explore [MODEL]`: a page on this machine that shows what a network sees.

mod about;
mod assets;
mod change;
mod choice;
mod explorer;
mod filters;
mod guard;
mod held;
mod intake;
mod layers;
mod look;
mod playground;
mod pool;
mod refusal;
mod routes;
mod samples;
mod server;
mod similar;
mod wire;

use crate::predict::Range;
use crate::source::{Source, file_name};
use anyhow::{Context, Result};
use convnet_layers::{InputSpec, Model};
use convnet_report::Progress;
use explorer::Explorer;
use routes::Server;
use similar::Index;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Opens a page on this machine that shows what a network sees, live.
///
/// Drop a picture or draw one: the classes, where they are seen beside the same from random weights, what every layer
/// makes of it, what excites its filters, which training pictures are like it, and what changes when it is turned, shifted or
/// covered. An augmentation playground, too. Nothing leaves this machine; Ctrl-C ends it.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Without MODEL the best at hand is explored: EfficientNet-Lite0 or MobileNet with their classes, else a base of the zoo, else
a small network that learns painted digits within seconds.

Examples:
  convnet explore                                    then open the address that it prints
  convnet explore model.safetensors --pictures holiday
  convnet explore vgg16 --open
  convnet explore resnet.onnx --pixels zero-to-one --port 8000")]
pub(crate) struct Arguments {
    /// A model file, or a name from the zoo: vgg16, mobilenet, efficientnet_lite0, mini_vgg
    #[arg(value_name = "MODEL")]
    model: Option<String>,

    /// Weights in place of the model's own
    #[arg(long, value_name = "FILE", requires = "model")]
    weights: Option<PathBuf>,

    /// The side of the pictures, where the model takes any
    #[arg(long, value_name = "PIXELS", requires = "model")]
    size: Option<usize>,

    /// The range of pixels, where the model's file does not say it
    #[arg(long, value_enum, requires = "model")]
    pixels: Option<Range>,

    /// Pictures, one folder per class, among which the most similar are looked for
    #[arg(long, value_name = "FOLDER")]
    pictures: Option<PathBuf>,

    /// The port on 127.0.0.1; a free one unless told otherwise
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// Open the page in the browser
    #[arg(long)]
    open: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let progress = &mut Progress::stderr();
    let (model, name, told) = arguments.chosen(progress)?;
    let pictures = arguments.pictures.as_deref();
    let index = pictures.map(|folder| Index::of(folder, &model, progress)).transpose()?;
    let server = Server::new(Explorer::new(model, name, told, index)?)?;
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = threads.context("no threads for the page")?;
    runtime.block_on(async {
        let (listener, port) = server::listen(arguments.port).await?;
        let url = format!("http://127.0.0.1:{port}");
        crate::print(&format!("{url} – Ctrl-C ends it"))?;
        if arguments.open
            && let Err(error) = open(&url)
        {
            progress.say(&format!("no browser could be started ({error}); open {url} yourself"));
        }
        server::serve(listener, server.router(port), progress).await
    })?;
    // Work that is under way is of use to nobody any more.
    runtime.shutdown_timeout(Duration::from_millis(100));
    Ok(())
}

impl Arguments {
    fn chosen(&self, progress: &mut Progress<std::io::Stderr>) -> Result<choice::Chosen> {
        let Some(model) = &self.model else { return choice::best(progress) };
        let source = Source { model: model.clone(), weights: self.weights.clone(), size: self.size };
        let opened = source.open()?;
        let name = file_name(Path::new(model));
        let mut model = opened.model;
        if let Some(pixels) = self.pixels {
            let input = InputSpec { pixels: pixels.into(), ..model.input().clone() };
            model = Model::rebuilt(&model, model.architecture().clone(), input)?;
        }
        Ok((model, name, choice::told(&opened.said, progress)))
    }
}

/// Starts the system's browser.
fn open(url: &str) -> std::io::Result<()> {
    let (program, arguments): (_, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/c", "start", ""]),
        _ => ("xdg-open", &[]),
    };
    let mut browser = Command::new(program);
    browser.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    browser.spawn().map(drop)
}
