//! Untrusted checkpoints and PyTorch files: reading gives tensors or an error message, in memory bounded by the file's
//! size.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Read, Write},
    path::Path,
};

use proptest::prelude::*;
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{
    aspect_file::read_aspects,
    checkpoint::{Checkpoint, CheckpointError, CheckpointMeta},
    host_tensor::HostTensor,
    parameter_file::is_torch,
    prompt_file::read_soft_prompt,
    torch::{
        TorchDict, TorchValue, read_torch,
        tests::{legacy, pickled_parameter_dict, pickled_tensor},
        write_torch,
    },
};
use crate::hostile::{changed, config, is_sentence, measured};

fn tensor(shape: &[usize], first: f32) -> HostTensor {
    let count: usize = shape.iter().product();
    HostTensor::from_parts(shape.to_vec(), (0..count).map(|n| first + n as f32).collect())
}

/// Every tensor of aspect modules of hidden size 4, and a soft prompt.
fn tensors() -> BTreeMap<String, HostTensor> {
    let part = |part: &str| format!("cross_attn.scene.{part}");
    BTreeMap::from([
        ("q_view.scene".to_owned(), tensor(&[2, 4], 0.5)),
        (part("in_proj_weight"), tensor(&[12, 4], -1.0)),
        (part("in_proj_bias"), tensor(&[12], 0.0)),
        (part("out_proj.weight"), tensor(&[4, 4], 2.0)),
        (part("out_proj.bias"), tensor(&[4], 3.0)),
        ("soft_prompt".to_owned(), tensor(&[3, 4], 9.0)),
    ])
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        meta: CheckpointMeta::example(),
        tensors: tensors(),
    }
}

fn written(write: impl FnOnce(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    write(&path);
    fs::read(path).unwrap()
}

fn safetensors_file() -> Vec<u8> {
    written(|path| checkpoint().save(path).unwrap())
}

fn torch_file() -> Vec<u8> {
    let tensors = tensors();
    let named = tensors
        .iter()
        .map(|(name, tensor)| (name.clone(), TorchValue::Tensor(tensor)));
    let inner = TorchDict::from([("x".to_owned(), TorchValue::Tensor(&tensors["soft_prompt"]))]);
    let more = [
        ("inner".to_owned(), TorchValue::Dict(inner)),
        ("fuser".to_owned(), TorchValue::None),
    ];
    let dict: TorchDict = named.chain(more).collect();
    written(|path| write_torch(path, &dict).unwrap())
}

fn torch_pickle() -> Vec<u8> {
    let mut pickle = Vec::new();
    let mut archive = ZipArchive::new(Cursor::new(torch_file())).unwrap();
    archive
        .by_name("archive/data.pkl")
        .unwrap()
        .read_to_end(&mut pickle)
        .unwrap();
    pickle
}

/// A file of torch.save's layout around a pickle, with storages of 64 f32.
fn around(pickle: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file("archive/data.pkl", options).unwrap();
    archive.write_all(pickle).unwrap();
    for storage in 0..8 {
        archive.start_file(format!("archive/data/{storage}"), options).unwrap();
        archive.write_all(&[0x3F; 256]).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Runs all readers over the bytes; returns the result of the reader that loads the whole file.
fn read(bytes: &[u8]) -> Result<BTreeMap<String, HostTensor>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pth");
    fs::write(&path, bytes).unwrap();
    let bounded = |work: &mut dyn FnMut()| {
        let ((), most) = measured(work);
        assert!(
            most < 40 * bytes.len() + (256 << 10),
            "{most} bytes of memory for {}",
            bytes.len()
        );
    };
    let told = |error: &dyn std::fmt::Display| {
        let text = error.to_string();
        assert!(is_sentence(&text), "{text:?}");
        text
    };
    for faulty in [
        Checkpoint::load_meta(&path).err(),
        read_aspects(&path).err(),
        read_soft_prompt(&path).err(),
    ] {
        faulty.iter().for_each(|error| drop(told(error)));
    }
    let mut whole = Err(String::new());
    if is_torch(bytes) {
        bounded(&mut || {
            whole = read_torch(&path)
                .map(|read| read.into_iter().collect())
                .map_err(|error| told(&error));
        });
    } else {
        bounded(&mut || {
            whole = Checkpoint::load(&path)
                .map(|read| read.tensors)
                .map_err(|error| told(&error));
        });
    }
    whole
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_changed_checkpoint_gives_tensors_or_an_error(bytes in changed(vec![safetensors_file()])) {
        if let Ok(tensors) = read(&bytes) {
            prop_assert!(tensors.values().all(HostTensor::is_consistent));
            let values: usize = tensors.values().map(|tensor| tensor.data.len()).sum();
            prop_assert!(2 * values <= bytes.len(), "more values than the file holds");
        }
    }

    #[test]
    fn a_changed_torch_file_gives_tensors_or_an_error(bytes in changed(vec![
        torch_file(),
        legacy(&pickled_tensor("FloatStorage", 1, &[3], &[1])),
        legacy(&pickled_parameter_dict()),
    ])) {
        if let Ok(tensors) = read(&bytes) {
            prop_assert!(tensors.values().all(HostTensor::is_consistent));
        }
    }

    /// Changes the pickle before it is packed, so that the archive's checksum does not reject it.
    #[test]
    fn a_changed_pickle_gives_tensors_or_an_error(pickle in changed(vec![torch_pickle(), pickled_parameter_dict()])) {
        let file = around(&pickle);
        if let Ok(tensors) = read(&file) {
            prop_assert!(tensors.values().all(HostTensor::is_consistent));
            let values: usize = tensors.values().map(|tensor| tensor.data.len()).sum();
            prop_assert!(values <= file.len(), "more values than the file holds");
        }
    }

    #[test]
    fn any_tensors_survive_a_round_trip_in_both_formats(
        tensors in prop::collection::btree_map(
            "[a-z_.]{1,12}",
            prop::collection::vec(0_usize..4, 0..4).prop_flat_map(|shape| {
                let count = shape.iter().product::<usize>();
                prop::collection::vec(any::<u32>(), count..=count).prop_map(move |bits| HostTensor {
                    shape: shape.clone(),
                    data: bits.into_iter().map(f32::from_bits).collect(),
                })
            }),
            0..5,
        ),
    ) {
        let bits = |tensors: &BTreeMap<String, HostTensor>| -> Vec<(String, Vec<usize>, Vec<u32>)> {
            let bits = |data: &[f32]| data.iter().map(|value| value.to_bits()).collect();
            tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone(), bits(&tensor.data))).collect()
        };
        let checkpoint = Checkpoint { meta: CheckpointMeta::example(), tensors };
        let read_back = read(&written(|path| checkpoint.save(path).unwrap())).map_err(TestCaseError::fail)?;
        prop_assert_eq!(bits(&read_back), bits(&checkpoint.tensors));
        let dict: TorchDict =
            checkpoint.tensors.iter().map(|(name, tensor)| (name.clone(), TorchValue::Tensor(tensor))).collect();
        let read_back = read(&written(|path| write_torch(path, &dict).unwrap())).map_err(TestCaseError::fail)?;
        prop_assert_eq!(bits(&read_back), bits(&checkpoint.tensors));
    }
}

#[test]
fn a_header_bomb_is_refused_before_it_is_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    // A 60 MB header, as the format allows: a million names, which take about twelve times that in memory.
    let length: u64 = 60 << 20;
    fs::write(
        &path,
        [&length.to_le_bytes()[..], b"{\"a\":{\"dtype\":\"F32\""].concat(),
    )
    .unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(8 + length)
        .unwrap();
    let (read, most) = measured(|| Checkpoint::load(&path));
    assert!(
        matches!(&read, Err(CheckpointError::Damaged { reason, .. }) if reason.contains("header")),
        "{read:?}"
    );
    assert!(most < 1 << 16, "{most} bytes");
}

#[test]
fn a_deep_header_is_refused() {
    let deep = format!("{{\"__metadata__\":{{\"a\":{}", "[".repeat(1 << 20));
    let bytes = [&(deep.len() as u64).to_le_bytes()[..], deep.as_bytes()].concat();
    assert!(read(&bytes).is_err());
}

#[test]
fn a_zip_bomb_is_refused() {
    // torch.save does not compress records, so compressed ones are refused whatever their unpacked size: this one
    // claims 4 GB.
    let mut packed = around(b"\x80\x02}.");
    for (at, field) in [(8, &8_u16.to_le_bytes()[..]), (22, &0xFFFF_FFF0_u32.to_le_bytes())] {
        packed.splice(at..at + field.len(), field.iter().copied());
    }
    let central = packed.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    for (at, field) in [(10, &8_u16.to_le_bytes()[..]), (24, &0xFFFF_FFF0_u32.to_le_bytes())] {
        packed.splice(central + at..central + at + field.len(), field.iter().copied());
    }
    assert!(read(&packed).is_err());

    // A directory that claims millions of entries.
    let mut many = around(b"\x80\x02}.");
    let end = many.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    many[end + 8..end + 12].copy_from_slice(&[0xFF; 4]);
    assert!(read(&many).is_err());
}

#[test]
fn the_pickles_of_known_attacks_are_refused_by_name() {
    for (pickle, name) in [
        (&b"cos\nsystem\n(S'echo'\ntR."[..], "os.system"),
        (b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.", "builtins.eval"),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "posix.system"),
        (b"\x80\x02ctorch\nload\n.", "torch.load"),
        (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n.", "_reconstruct"),
        (b"\x80\x02c__builtin__\ngetattr\n.", "getattr"),
        (b"\x80\x02ccollections\nOrderedDict\n(i__main__\nX\n.", "instruction"),
        (b"\x80\x02\x82\x01.", "instruction"),
        (b"(dp0\nS'a'\nI1\ns.", "instruction"),
    ] {
        let error = read(&around(pickle)).unwrap_err();
        assert!(error.contains(name), "{error}");
    }
}
