//! Loading goes straight into the parameters: beside a model of 64 MiB only windows stand in memory, in every format.

use convnet_layers::{Architecture, Dense, Flatten, InputSpec, Model};
use convnet_pretrained::{Format, Loading, WeightFile, save};
use convnet_tensor::Seed;

/// A line of `/proc/self/status`, in KiB; `None` on systems without it.
fn status(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

/// How many MiB more than before were in use at once while `call` ran.
fn growth(call: impl FnOnce()) -> Option<u64> {
    // Writing 5 sets the highest mark back to what is in use now.
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    let before = status("VmRSS:")?;
    call();
    Some(status("VmHWM:")?.saturating_sub(before) >> 10)
}

#[test]
fn a_large_file_never_stands_in_memory_twice() {
    let network = Architecture::new().named("flat", Flatten::new()).named("large", Dense::new(4096));
    let mut model = Model::new(network, InputSpec::new([8, 8, 64]), Seed(1)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Safetensors, Format::Npz, Format::Onnx, Format::KerasLegacy, Format::KerasArchive]
    {
        let path = folder.path().join("model");
        save(&model, &path, format).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 64 << 20);
        let expected = model.parameters()[0].value.data()[12_345_678];
        model.parameters_mut()[0].value.data_mut().fill(0.0);
        let growth = growth(|| {
            let loaded = WeightFile::open(&path).unwrap().load_into(&mut model, Loading::in_order()).unwrap();
            assert!(loaded.is_whole(), "{format}: {loaded}");
        });
        assert_eq!(model.parameters()[0].value.data()[12_345_678], expected, "{format}");
        match growth {
            Some(growth) => {
                println!("{format}: {growth} MiB beside the model");
                assert!(growth < 32, "{format}: {growth} MiB were in use beside the model");
            }
            None => eprintln!("this system does not tell what is in use"),
        }
    }
}
