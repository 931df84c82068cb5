use std::{
    error::Error,
    fs,
    io::{Cursor, Write},
    path::{Path, PathBuf},
};

use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{
    TorchDict, TorchValue,
    object::{MAX_OBJECTS, PickleFault},
    pickle::interpret,
    read_torch, read_torch_parameters, write_torch,
};
use crate::aspects::host_tensor::HostTensor;

type Outcome = Result<(), Box<dyn Error>>;

fn checkpoints() -> Option<PathBuf> {
    match std::env::var_os("MASP_REFERENCE") {
        Some(folder) => Some(Path::new(&folder).join("golden/checkpoints")),
        None => {
            eprintln!("skipped: MASP_REFERENCE is not set");
            None
        }
    }
}

#[test]
fn all_golden_files_are_read_to_the_bit() -> Outcome {
    let Some(folder) = checkpoints() else {
        return Ok(());
    };
    let bytes = fs::read(folder.with_file_name("checkpoints_expected.safetensors"))?;
    let expected = safetensors::SafeTensors::deserialize(&bytes)?;
    let mut compared = 0;
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let file = path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or("a name that is not a string")?;
        for (name, tensor) in read_torch(&path)? {
            let view = expected.tensor(&format!("{file}::{name}"))?;
            assert_eq!(tensor.shape, view.shape(), "{file} {name}");
            let bytes: Vec<u8> = tensor.data.iter().flat_map(|value| value.to_le_bytes()).collect();
            assert_eq!(bytes, view.data(), "{file} {name}");
            compared += 1;
        }
    }
    assert_eq!(compared, expected.len());
    Ok(())
}

fn example() -> (HostTensor, HostTensor) {
    let matrix = HostTensor::from_parts(vec![300, 3], (0..900u16).map(f32::from).collect());
    let vector = HostTensor::from_parts(vec![2], vec![-0.5, f32::MIN_POSITIVE]);
    (matrix, vector)
}

fn example_dict<'a>(matrix: &'a HostTensor, vector: &'a HostTensor) -> TorchDict<'a> {
    let inner = TorchDict::from([("out_proj.bias".to_owned(), TorchValue::Tensor(vector))]);
    TorchDict::from([
        ("zweite".to_owned(), TorchValue::Tensor(matrix)),
        ("a".to_owned(), TorchValue::Dict(inner)),
        ("fuser".to_owned(), TorchValue::None),
    ])
}

#[test]
fn written_files_have_the_layout_of_torch_save() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.pth");
    let (matrix, vector) = example();
    write_torch(&path, &example_dict(&matrix, &vector))?;
    let read = read_torch(&path)?;
    let expected = [("zweite".to_owned(), matrix), ("a.out_proj.bias".to_owned(), vector)];
    assert_eq!(read.into_iter().collect::<Vec<_>>(), expected);

    let mut archive = ZipArchive::new(fs::File::open(&path)?)?;
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.map(Into::into))
        .collect::<Result<_, _>>()?;
    assert_eq!(
        names,
        ["data.pkl", "byteorder", "data/0", "data/1", "version"].map(|name| format!("archive/{name}"))
    );
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        assert_eq!(entry.compression(), CompressionMethod::Stored);
        assert_eq!(entry.data_start().map(|start| start % 64), Some(0));
    }
    assert_eq!(fs::read_dir(folder.path())?.count(), 1);
    Ok(())
}

#[test]
fn an_inconsistent_tensor_is_not_written() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.pth");
    let wrong = HostTensor::from_parts(vec![3], vec![1.0]);
    assert!(write_torch(&path, &TorchDict::from([("a".to_owned(), TorchValue::Tensor(&wrong))])).is_err());
    assert!(!path.exists());
    Ok(())
}

/// A zip of torch.save's layout with a pickle and one storage of 4 f32.
fn archive(pickle: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file("m/data.pkl", options)?;
    archive.write_all(pickle)?;
    archive.start_file("m/data/0", options)?;
    archive.write_all(&[1.0f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat())?;
    Ok(archive.finish()?.into_inner())
}

fn read_bytes(bytes: &[u8]) -> Result<Vec<(String, HostTensor)>, String> {
    let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    file.write_all(bytes).map_err(|error| error.to_string())?;
    read_torch(file.path())
        .map(|read| read.into_iter().collect())
        .map_err(|error| error.to_string())
}

/// A pickled dict with the one key `a` and a tensor as `torch.save` writes it.
pub(in crate::aspects) fn pickled_tensor(class: &str, offset: u8, shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let sizes = |sizes: &[u8]| {
        let items: Vec<u8> = sizes.iter().flat_map(|&size| [b'K', size]).collect();
        [b"(".as_slice(), &items, b"t"].concat()
    };
    [
        b"\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage".as_slice(),
        format!("ctorch\n{class}\n").as_bytes(),
        b"X\x01\x00\x00\x000X\x06\x00\x00\x00cuda:0K\x04tQK",
        &[offset],
        &sizes(shape),
        &sizes(strides),
        b"\x89ccollections\nOrderedDict\n)RtRs.",
    ]
    .concat()
}

#[test]
fn views_follow_offset_strides_and_element_type() -> Outcome {
    let read = |class, offset, shape: &[u8], strides: &[u8]| -> Result<Vec<f32>, Box<dyn Error>> {
        let read = read_bytes(&archive(&pickled_tensor(class, offset, shape, strides))?)?;
        let [(name, tensor)] = <[_; 1]>::try_from(read).map_err(|_| "not one tensor")?;
        assert_eq!(name, "a");
        assert_eq!(
            tensor.shape,
            shape.iter().map(|&dim| usize::from(dim)).collect::<Vec<_>>()
        );
        Ok(tensor.data)
    };
    assert_eq!(read("FloatStorage", 1, &[2], &[2])?, [2.0, 4.0]);
    assert_eq!(read("FloatStorage", 0, &[2, 2], &[1, 2])?, [1.0, 3.0, 2.0, 4.0]);
    assert_eq!(read("FloatStorage", 3, &[], &[])?, [4.0]);
    assert_eq!(read("FloatStorage", 0, &[0, 2], &[2, 1])?, [0f32; 0]);
    // The upper half of an f32 is a bf16.
    assert_eq!(read("BFloat16Storage", 1, &[4], &[2])?, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(read("IntStorage", 0, &[1], &[1])?, [1_065_353_216.0]);
    Ok(())
}

#[test]
fn hostile_views_are_refused() -> Outcome {
    let refused = |pickle: &[u8]| -> Result<String, Box<dyn Error>> {
        Ok(read_bytes(&archive(pickle)?).err().ok_or("it was accepted")?)
    };
    // 255^3 values from a storage of 4, through strides of 0.
    let fault = refused(&pickled_tensor("FloatStorage", 0, &[255, 255, 255], &[0, 0, 0]))?;
    assert!(fault.contains("larger than the file"), "{fault}");
    let fault = refused(&pickled_tensor("FloatStorage", 1, &[4], &[1]))?;
    assert!(fault.contains("beyond its record"), "{fault}");
    let fault = refused(&pickled_tensor("QUInt8Storage", 0, &[4], &[1]))?;
    assert!(fault.contains("torch.QUInt8Storage"), "{fault}");
    let negative = pickled_tensor("FloatStorage", 0, &[4], &[1]);
    let at = negative
        .windows(4)
        .position(|window| window == [b'(', b'K', 4, b't'])
        .ok_or("no shape")?;
    let negative = [&negative[..at], b"(J\xff\xff\xff\xfft", &negative[at + 4..]].concat();
    assert!(refused(&negative)?.contains("negative"));
    Ok(())
}

#[test]
fn nothing_is_executed_and_memory_stays_bounded() {
    let fault = |pickle: &[u8]| interpret(pickle).err();
    assert_eq!(
        fault(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00ls -\x85R."),
        Some(PickleFault::Global("posix.system".to_owned()))
    );
    assert!(matches!(
        fault(b"\x80\x04\x8c\x02os\x8c\x06system\x93."),
        Some(PickleFault::Global(_))
    ));
    assert!(matches!(
        fault(b"\x80\x02)\x82."),
        Some(PickleFault::Opcode { code: 0x82, at: 3 })
    ));
    // An object of an unknown class is refused.
    assert!(matches!(
        fault(b"\x80\x02ccollections\nOrderedDict\n)\x81."),
        Some(PickleFault::Malformed(_))
    ));
    assert_eq!(fault(b"\x80\x02X\xff\xff\xff\xffabc."), Some(PickleFault::Truncated));
    assert_eq!(fault(b"\x80\x02}"), Some(PickleFault::Truncated));
    assert_eq!(fault(b"\x80\x09."), Some(PickleFault::Protocol(9)));
    assert!(matches!(fault(b"\x80\x02t."), Some(PickleFault::Malformed(_))));
    assert!(matches!(fault(b"\x80\x02N(\x85."), Some(PickleFault::Malformed(_))));
    assert_eq!(fault(&vec![b'}'; MAX_OBJECTS + 1]), Some(PickleFault::TooLarge));
    // Tuples nested as deep as the limit allows are freed without recursion.
    let deep = [b")".to_vec(), vec![0x85; MAX_OBJECTS - 1], b".".to_vec()].concat();
    assert!(interpret(&deep).is_ok());
}

#[test]
fn self_reference_and_multiplying_dictionaries_end() -> Outcome {
    // d = {}; d["a"] = d
    let own = b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.";
    assert!(read_bytes(&archive(own)?).is_err_and(|fault| fault.contains("too many entries")));
    let open = b"}X\x01\x00\x00\x00a".repeat(9);
    let nested = [b"\x80\x02", open.as_slice(), b"}", &b"s".repeat(9), b"."].concat();
    assert!(read_bytes(&archive(&nested)?).is_err_and(|fault| fault.contains("nested deeper")));
    // Seven dictionaries, each holding the next 200 times: 200^7 entries from some kilobytes.
    let level = |slot: u8| {
        let entries: Vec<u8> = (0..200).flat_map(|_| [b'h', 0, b'h', slot]).collect();
        [b"}(".as_slice(), &entries, b"uq", &[slot + 1]].concat()
    };
    let levels: Vec<u8> = (1..8).flat_map(level).collect();
    let bomb = [b"\x80\x02X\x01\x00\x00\x00aq\x00}q\x01".as_slice(), &levels, b"."].concat();
    assert!(read_bytes(&archive(&bomb)?).is_err_and(|fault| fault.contains("too many entries")));
    Ok(())
}

/// Wraps a pickle as [`pickled_tensor`] gives it into a file of PyTorch before 1.6, with one storage of 4 f32.
pub(in crate::aspects) fn legacy(pickle: &[u8]) -> Vec<u8> {
    [
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.".as_slice(),
        b"\x80\x02}q\x00(X\x10\x00\x00\x00protocol_versionq\x01M\xe9\x03X\r\x00\x00\x00little_endianq\x02\x88X\n\x00\x00\x00\
          type_sizesq\x03}q\x04(X\x05\x00\x00\x00shortq\x05K\x02X\x03\x00\x00\x00intq\x06K\x04X\x04\x00\x00\x00longq\x07K\x04uu.",
        pickle,
        b"\x80\x02]q\x00X\x01\x00\x00\x000q\x01a.",
        &4_i64.to_le_bytes(),
        &[1.0f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat(),
    ]
    .concat()
}

/// The pickle of a dict whose `a` is a `ParameterDict` with the parameter `w`, as `torch.save` writes it: an object
/// with its state, in which the hooks contain a set.
pub(in crate::aspects) fn pickled_parameter_dict() -> Vec<u8> {
    let text = |text: &str| [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let tensor = pickled_tensor("FloatStorage", 1, &[3], &[1]);
    let tensor = &tensor[9..tensor.len() - 2];
    [
        b"\x80\x02}".as_slice(),
        &text("a"),
        b"ctorch.nn.modules.container\nParameterDict\n)\x81}(",
        &text("training"),
        b"\x88",
        &text("_parameters"),
        b"ccollections\nOrderedDict\n)R",
        &text("w"),
        b"ctorch._utils\n_rebuild_parameter\n",
        tensor,
        b"\x88ccollections\nOrderedDict\n)R\x87Rs",
        &text("_non_persistent_buffers_set"),
        b"c__builtin__\nset\n]\x85R",
        &text("_is_full_backward_hook"),
        b"Nubs.",
    ]
    .concat()
}

#[test]
fn files_from_before_pytorch_1_6_are_read() -> Outcome {
    let file = legacy(&pickled_tensor("FloatStorage", 1, &[3], &[1]));
    let tensor = HostTensor::from_parts(vec![3], vec![2.0, 3.0, 4.0]);
    assert_eq!(read_bytes(&file)?, [("a".to_owned(), tensor)]);
    // Truncation at any length gives an error message.
    for length in 0..file.len() {
        assert!(read_bytes(&file[..length]).is_err(), "{length}");
    }
    let beyond = legacy(&pickled_tensor("FloatStorage", 2, &[3], &[1]));
    assert!(read_bytes(&beyond).is_err_and(|fault| fault.contains("beyond its storage")));
    let count = file.len() - 24;
    let huge = [&file[..count], &i64::MAX.to_le_bytes(), &file[count + 8..]].concat();
    assert!(read_bytes(&huge).is_err_and(|fault| fault.contains("it ends before")));
    let at = file.windows(2).position(|two| two == b"\x88X").ok_or("no byte order")?;
    let mut big_endian = file.clone();
    big_endian[at] = 0x89;
    assert!(read_bytes(&big_endian).is_err_and(|fault| fault.contains("little-endian")));
    let system = legacy(b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.");
    assert!(read_bytes(&system).is_err_and(|fault| fault.contains("posix.system")));
    let bare = b"\x80\x02}.";
    assert!(read_bytes(bare).is_err_and(|fault| fault.contains("a pickle that torch.save did not write")));
    Ok(())
}

#[test]
fn a_parameter_dict_is_a_dictionary() -> Outcome {
    let tensor = HostTensor::from_parts(vec![3], vec![2.0, 3.0, 4.0]);
    let pickle = pickled_parameter_dict();
    assert_eq!(read_bytes(&archive(&pickle)?)?, [("a.w".to_owned(), tensor.clone())]);
    assert_eq!(read_bytes(&legacy(&pickle))?, [("a.w".to_owned(), tensor)]);
    // A `ParameterDict` that contains itself is refused; reading it does not loop forever.
    let own = b"\x80\x02ctorch.nn.modules.container\nParameterDict\n)\x81q\x00}X\x0b\x00\x00\x00_parametersh\x00sb.";
    assert!(read_bytes(&archive(own)?).is_err_and(|fault| fault.contains("nested deeper")));
    let bare = b"\x80\x02ctorch.nn.modules.container\nParameterDict\n)\x81}b.";
    assert!(read_bytes(&archive(bare)?).is_err_and(|fault| fault.contains("without parameters")));
    Ok(())
}

#[test]
fn integer_tensors_are_not_parameters() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.pth");
    fs::write(&path, archive(&pickled_tensor("IntStorage", 0, &[4], &[1]))?)?;
    let fault = read_torch_parameters(&path, |_| true)
        .err()
        .ok_or("it was read")?
        .to_string();
    assert!(fault.contains("\"a\" has integers (I32)"), "{fault}");
    assert!(read_torch_parameters(&path, |name| name != "a")?.is_empty());
    Ok(())
}

#[test]
fn a_compressed_record_is_refused_with_advice() -> Outcome {
    let mut packed = archive(b"\x80\x02}.")?;
    // Set the compression method of the first entry, both in its own header and in the directory.
    let central = packed
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .ok_or("no directory")?;
    packed[8..10].copy_from_slice(&8_u16.to_le_bytes());
    packed[central + 10..central + 12].copy_from_slice(&8_u16.to_le_bytes());
    let fault = read_bytes(&packed).err().ok_or("it was read")?;
    assert!(fault.contains("is compressed") && fault.contains("zip -0"), "{fault}");
    Ok(())
}

#[test]
fn damaged_files_give_errors_with_their_path() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.pth");
    let (matrix, vector) = example();
    write_torch(&path, &example_dict(&matrix, &vector))?;
    let whole = fs::read(&path)?;
    for length in (0..whole.len()).step_by(97) {
        assert!(read_bytes(&whole[..length]).is_err(), "{length}");
    }
    let data = whole
        .windows(8)
        .position(|window| window == [0, 0, 0, 64, 0, 0, 64, 64]);
    let mut flipped = whole.clone();
    *flipped.get_mut(data.ok_or("no values found")?).ok_or("no byte")? ^= 1;
    assert!(read_bytes(&flipped).is_err_and(|fault| fault.contains("checksum")));
    let missing = folder.path().join("missing.pth");
    let fault = read_torch(&missing).err().ok_or("it was read")?.to_string();
    assert!(fault.contains("missing.pth"), "{fault}");
    Ok(())
}
