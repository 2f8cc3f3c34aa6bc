//! Hostile files of PyTorch, NumPy, safetensors and ONNX: small honest ones changed in thousands of ways (ten thousand
//! per format), and attacks by hand.

mod common;

use common::{bounded, foreign, survive, torch_model};
use convnet_layers::{Architecture, Dense, Flatten, InputSpec, Model};
use convnet_pretrained::{Loading, WeightFile};
use convnet_tensor::Seed;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

/// Changes of one file of each format.
const MUTATIONS: u64 = 10_000;

/// Changes of a further file of the same format.
const FURTHER: u64 = 2_000;

fn open(bytes: Vec<u8>) -> convnet_pretrained::Result<WeightFile> {
    WeightFile::from_reader("attack", Cursor::new(bytes))
}

fn refused(bytes: Vec<u8>) -> String {
    open(bytes).unwrap_err().to_string()
}

/// A changed file of weights is read into a model or refused; all its tensors are, one by one.
fn survives_as_weights(name: &str, mutations: u64) {
    let mut model = torch_model();
    survive(&foreign(name), mutations, |bytes| {
        let Ok(mut file) = open(bytes) else { return false };
        let loaded = file.load_into(&mut model, Loading::by_name().skip_mismatch());
        let names: Vec<_> = file.tensors().map(|tensor| tensor.name.clone()).collect();
        loaded.is_ok() && names.iter().all(|name| file.read(name).is_ok())
    });
}

/// A changed graph becomes a model or is refused.
fn survives_as_graph(name: &str, mutations: u64) {
    let picture = WeightFile::open(foreign(name)).unwrap().picture().map(|extent| extent.unwrap());
    survive(&foreign(name), mutations, |bytes| {
        open(bytes).and_then(|mut file| file.model(InputSpec::new(picture))).is_ok()
    });
}

#[test]
fn changed_archives_of_pytorch() {
    survives_as_weights("zip.pth", MUTATIONS);
    survives_as_weights("checkpoint.pth", FURTHER);
}

#[test]
fn changed_files_of_pytorchs_older_form() {
    survives_as_weights("row.pth", MUTATIONS);
    survives_as_weights("checkpoint_row.pth", FURTHER);
}

#[test]
fn changed_safetensors() {
    survives_as_weights("torch.safetensors", MUTATIONS);
}

#[test]
fn changed_archives_of_numpy() {
    survives_as_weights("plain.npz", MUTATIONS);
    survives_as_weights("packed.npz", FURTHER);
}

#[test]
fn changed_graphs() {
    survives_as_graph("operations.onnx", MUTATIONS);
    survives_as_graph("rows.onnx", FURTHER);
    survives_as_graph("channels_last.onnx", FURTHER);
    survives_as_graph("old.onnx", FURTHER);
    survives_as_graph("branches.onnx", FURTHER);
}

fn safetensors(header: &str, numbers: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(vec![0; numbers]);
    bytes
}

#[test]
fn headers_of_safetensors_that_lie() {
    let entry = |name: &str, shape: &str, from: u64, to: u64| {
        format!(r#""{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{from},{to}]}}"#)
    };
    let of = |entries: &[String], numbers| safetensors(&format!("{{{}}}", entries.join(",")), numbers);
    assert!(open(of(&[entry("a", "[2]", 0, 8), entry("b", "[1]", 8, 12)], 12)).is_ok());
    for (bytes, part) in [
        (of(&[entry("a", "[2]", 0, 8), entry("b", "[2]", 4, 12)], 12), "does not begin where"),
        (of(&[entry("a", "[2]", 0, 8), entry("b", "[2]", 0, 8)], 8), "does not begin where"),
        (of(&[entry("a", "[2]", 4, 12)], 12), "does not begin where"),
        (of(&[entry("a", "[1]", 0, 4), entry("a", "[1]", 4, 8)], 8), "stands in it twice"),
        (of(&[entry("a", "[2]", 0, 8)], 4), "reaches beyond the end"),
        (of(&[entry("a", "[2]", 0, 8)], 16), "tells of 8"),
        (of(&[entry("a", "[3]", 0, 8)], 8), "another size"),
        (of(&[entry("a", "[4294967296,4294967296,4294967296]", 0, 8)], 8), "another size"),
        (of(&[entry("a", "[2]", 8, 0)], 8), "does not begin where"),
        (of(&[entry("a", &format!("[{}]", vec!["1"; 64].join(",")), 0, 4)], 4), "more axes"),
        (safetensors(&format!("{{\"a\":{}", "[".repeat(100_000)), 0), "its header"),
        ([&u64::MAX.to_le_bytes()[..], b"{\"a\":1}"].concat(), "no known format"),
        ([&1000u64.to_le_bytes()[..], b"{\"a\":1}"].concat(), "may be cut off"),
    ] {
        let message = refused(bytes);
        assert!(message.contains(part), "{part} in {message}");
    }
    bounded();
}

fn archive(members: &[(&str, &[u8])], packed: bool) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let method = if packed { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn array(header: &str, numbers: usize) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(vec![0; numbers]);
    bytes
}

#[test]
fn archives_of_arrays_that_lie() {
    let header = |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    let one = array(&header("(2,)"), 8);
    assert!(open(archive(&[("a.npy", &one), ("../../b.npy", &one)], true)).is_ok(), "a name is only a name");
    for (bytes, part) in [
        (archive(&[("a.npy", &array(&header("(3,)"), 8))], false), "which is not what the shape"),
        (archive(&[("a.npy", &array(&header("(4294967296, 4294967296)"), 8))], true), "which is not what"),
        (archive(&[("a.npy", &array(&header(&"(".repeat(60_000)), 8))], true), "its header is not NumPy's"),
        (archive(&[("a.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff")], true), "longer than any array"),
        (archive(&[("a.npy", b"\x93NUMPX\x01\x00")], true), "no NumPy array"),
        (archive(&[("a.npy", &array(&header("(33554432,)"), 4 * 33_554_432))], true), "which no weights do"),
        (archive(&[("a.npy", &one), ("readme.txt", b"hello")], false), "is a zip archive, but not one of"),
    ] {
        let message = refused(bytes);
        assert!(message.contains(part), "{part} in {message}");
    }
    // The same name twice: no writer does it, so the second is renamed by hand, in both places.
    let mut twice = archive(&[("aa.npy", &one), ("ab.npy", &one)], false);
    for place in 0..twice.len() - 6 {
        if twice[place..].starts_with(b"ab.npy") {
            twice[place + 1] = b'a';
        }
    }
    assert!(refused(twice).contains("two members of one name"));
    bounded();
}

#[test]
fn a_checksum_that_does_not_fit_is_an_error_when_numbers_are_read() {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
    let mut bytes = archive(&[("a.npy", &array(header, 8))], false);
    let at = bytes.windows(2).position(|two| two == b"}\0").unwrap() + 3;
    bytes[at] = 1;
    let error = open(bytes).unwrap().read("a").unwrap_err().to_string();
    assert!(error.contains("`a`"), "{error}");
}

#[test]
fn nothing_that_a_pickle_asks_for_is_executed() {
    let marker = std::env::temp_dir().join(format!("convnet-pickle-{}", std::process::id()));
    let command = format!("touch {}", marker.display());
    let call = format!("cposix\nsystem\n(X{}tR.", {
        let mut text = String::from_utf8((command.len() as u32).to_le_bytes().to_vec()).unwrap();
        text.push_str(&command);
        text
    });
    let in_archive = archive(&[("net/data.pkl", call.as_bytes())], false);
    let message = refused(in_archive);
    assert!(message.contains("asks for `posix.system`") && message.contains("nothing of it was executed"));
    // The older form begins with its magic number, and the attack comes where the names would.
    let mut row = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02".to_vec();
    row.extend(call.bytes());
    assert!(refused(row).contains("asks for `posix.system`"));
    assert!(refused(b"\x80\x02N.".to_vec()).contains("is a pickle, but not one of `torch.save`"));
    assert!(!marker.exists());
}

/// `data.pkl` of a state dict with tensors of these names, each with its storage's count, offset, shape and steps.
fn state(names: &[&str], count: u32, offset: u32, shape: &[u32], strides: &[u32]) -> Vec<u8> {
    let int = |number: &u32| [&b"J"[..], &number.to_le_bytes()].concat();
    let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let tuple =
        |numbers: &[u32]| [b"(".to_vec(), numbers.iter().flat_map(int).collect(), b"t".to_vec()].concat();
    let mut pickle = b"\x80\x02}(".to_vec();
    for name in names {
        pickle.extend(text(name));
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        pickle.extend(
            [text("storage"), b"ctorch\nFloatStorage\n".to_vec(), text("0"), text("cpu"), int(&count)]
                .concat(),
        );
        pickle.extend(b"tQ");
        pickle.extend([int(&offset), tuple(shape), tuple(strides)].concat());
        pickle.extend(b"\x89Nt\x52");
    }
    pickle.extend(b"u.");
    pickle
}

#[test]
fn views_of_pytorch_that_reach_too_far() {
    let of = |pickle: Vec<u8>| archive(&[("a/data.pkl", &pickle), ("a/data/0", &[0; 24])], false);
    assert!(open(of(state(&["w"], 6, 0, &[2, 3], &[3, 1]))).is_ok());
    assert!(open(of(state(&["w"], 6, 0, &[2, 2], &[3, 2]))).is_ok());
    for (pickle, part) in [
        (state(&["w"], 6, 0, &[3, 3], &[3, 1]), "lies beyond its storage"),
        (state(&["w"], 6, 1, &[2, 3], &[3, 1]), "lies beyond its storage"),
        (state(&["w"], 600, 0, &[20, 30], &[30, 1]), "lies beyond its storage"),
        (state(&["w"], 6, 0, &[2, 3], &[1 << 31, 1]), "no whole number"),
        (state(&["w"], 6, 0, &[1 << 30, 1 << 30], &[0, 0]), "uses numbers twice"),
        (state(&["w"], 6, 0, &[2, 3], &[1, 1]), "uses numbers twice"),
        (state(&["w"], 6, 0, &[2], &[3, 1]), "more or fewer steps"),
        (state(&["w"], 6, 0, &[1; 40], &[1; 40]), "no shape"),
        (state(&["w", "v", "w"], 6, 0, &[6], &[1]), "two tensors called `w`"),
        (b"\x80\x02}.".to_vec(), "holds no tensors by name"),
        (b"\x80\x02].".to_vec(), "no dictionary of tensors"),
    ] {
        let message = refused(of(pickle));
        assert!(message.contains(part), "{part} in {message}");
    }
    let missing = archive(&[("a/data.pkl", &state(&["w"], 6, 0, &[6], &[1]))], false);
    assert!(refused(missing).contains("its storage `0` is not in the file"));
    let packed = archive(&[("a/data.pkl", &state(&["w"], 6, 0, &[6], &[1])), ("a/data/0", &[0; 24])], true);
    assert!(refused(packed).contains("is packed"));
    bounded();
}

/// A field of a message.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut length = bytes.len();
    let mut field = vec![number << 3 | 2];
    while length >= 0x80 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend(bytes);
    field
}

fn onnx(graph: &[u8]) -> Vec<u8> {
    [&b"\x08\x08"[..], &field(8, b"\x10\x0d"), &field(7, graph)].concat()
}

#[test]
fn graphs_that_lie() {
    let tensor =
        |dims: &[u8], raw: usize| [dims, b"\x10\x01", &field(8, b"w"), &field(9, &vec![0; raw])].concat();
    for (bytes, part) in [
        (b"\x08\x08".to_vec(), "holds no graph"),
        (b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7fabc".to_vec(), "reaches beyond"),
        ([onnx(b""), field(7, b"")].concat(), "two graphs"),
        (
            onnx(&[field(5, &tensor(b"\x08\x02", 8)), field(5, &tensor(b"\x08\x02", 8))].concat()),
            "two tensors called `w`",
        ),
        (onnx(&field(5, &tensor(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 8))), "an extent below 0"),
        (onnx(&field(5, &tensor(&b"\x08\x01".repeat(40), 4))), "more than 32 numbers"),
        (onnx(&field(1, &field(1, b"x").repeat(5000))), "more parts than any operation"),
    ] {
        let message = refused(bytes);
        assert!(message.contains(part), "{part} in {message}");
    }
    let mut empty = open(onnx(b"")).unwrap();
    let error = empty.model(InputSpec::new([8, 8, 3])).unwrap_err().to_string();
    assert!(error.contains("0 inputs") && error.contains("0 outputs"), "{error}");
    bounded();
}

#[test]
fn a_network_that_takes_more_than_the_file_holds_reserves_nothing() {
    // A border makes 66 million numbers of a picture of eight pixels; a dense layer behind it would take 1 GiB.
    let node = |operation: &[u8], inputs: &[&[u8]], output: &[u8], attributes: &[u8]| {
        let inputs: Vec<u8> = inputs.iter().flat_map(|input| field(1, input)).collect();
        field(1, &[&inputs, &field(2, output), &field(4, operation), attributes].concat())
    };
    let pads = [
        &field(1, b"pads"),
        &b"\x40\x00\x40\x00\x40\x00\x40\x00\x40\x00\x40\x00\x40\xff\xff\x03\x40\xe8\x07"[..],
    ]
    .concat();
    let shape = [[8, 1], [8, 1], [8, 8], [8, 8]].map(|extent| field(1, &extent)).concat();
    let input = [field(1, b"x"), field(2, &field(1, &field(2, &shape)))].concat();
    let kernel = [&b"\x08\x01\x08\x04\x10\x01"[..], &field(8, b"w"), &field(9, &[0; 16])].concat();
    let graph = [
        node(b"Pad", &[b"x"], b"p", &field(5, &pads)),
        node(b"Flatten", &[b"p"], b"f", b""),
        node(b"MatMul", &[b"f", b"w"], b"y", b""),
        field(5, &kernel),
        field(11, &input),
        field(12, &field(1, b"y")),
    ]
    .concat();
    let mut file = open(onnx(&graph)).unwrap();
    let error = file.model(InputSpec::new([8, 8, 1])).unwrap_err().to_string();
    assert!(
        error.contains("the network takes 264269376 numbers") && error.contains("but the file holds 4"),
        "{error}"
    );
    bounded();
}

#[test]
fn weights_that_are_not_finite_are_told_in_every_format() {
    let network = Architecture::new().add(Flatten::new()).named("a", Dense::new(2).without_bias());
    let mut model = Model::new(network, InputSpec::new([1, 1, 1]), Seed(1)).unwrap();
    let numbers = [f32::NAN.to_le_bytes(), 1.0f32.to_le_bytes()].concat();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
    let mut array = array(header, 0);
    array.extend(&numbers);
    let entry = r#"{"a.kernel":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"#;
    let pickle = state(&["a.weight"], 2, 0, &[2, 1], &[1, 1]);
    for bytes in [
        archive(&[("a.kernel.npy", &array)], false),
        [safetensors(entry, 0), numbers.clone()].concat(),
        archive(&[("a/data.pkl", &pickle), ("a/data/0", &numbers)], false),
    ] {
        let loaded = open(bytes).unwrap().load_into(&mut model, Loading::in_order()).unwrap();
        assert_eq!(loaded.not_finite, ["a/kernel"]);
    }
}
