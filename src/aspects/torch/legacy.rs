//! Files of `torch.save` before PyTorch 1.6: five pickles (the magic number, the format's version, the machine, the
//! value and the storages' keys), then for each key the number of elements (i64) and the elements.

use std::{collections::HashMap, fs::File, os::unix::fs::FileExt};

use indexmap::IndexMap;

use super::{
    object::{Heap, Object},
    pickle::interpret_first,
    read::{MAX_PICKLE_BYTES, Outcome, Views, Walk, load, room},
};
use crate::aspects::host_tensor::HostTensor;

/// The pickle of 0x1950a86a20f9469cfc6c, in protocol 2, which these files begin with.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
const VERSION: i64 = 1001;

/// Whether the file begins with a pickle, not with a zip archive.
pub fn is_legacy(file: &File) -> bool {
    let mut start = [0; 2];
    file.read_exact_at(&mut start, 0).is_ok() && start == *b"\x80\x02"
}

/// A storage's place in the file.
#[derive(Clone, Copy)]
struct Place {
    start: u64,
    bytes: u64,
}

/// The tensors that `choose` leaves.
pub fn tensors(
    file: &File,
    file_bytes: u64,
    choose: impl FnOnce(Views<'_>) -> Outcome<Views<'_>>,
) -> Outcome<IndexMap<String, HostTensor>> {
    let mut pickles = vec![0; usize::try_from(file_bytes.min(MAX_PICKLE_BYTES)).unwrap_or(0)];
    file.read_exact_at(&mut pickles, 0).map_err(|error| error.to_string())?;
    if !pickles.starts_with(MAGIC) {
        return Err("it is a pickle that torch.save did not write".to_owned());
    }
    let mut at = MAGIC.len();
    let mut next = || -> Outcome<Heap> {
        let (heap, length) =
            interpret_first(pickles.get(at..).unwrap_or_default()).map_err(|fault| fault.to_string())?;
        at += length;
        Ok(heap)
    };
    if !matches!(next()?.root(), Object::Int(VERSION)) {
        return Err("its format version is unknown".to_owned());
    }
    if !is_little_endian(&next()?) {
        return Err("its numbers are not little-endian".to_owned());
    }
    let value = next()?;
    let keys = next()?;
    let places = places(file, file_bytes, at as u64, &value, &keys)?;
    let views = choose(Walk::over(&value)?)?;
    load(file_bytes, &views, |key, start, end| {
        let place = places.get(key).filter(|place| end <= place.bytes);
        let place = place.ok_or_else(|| format!("a tensor reaches beyond its storage {key:?}"))?;
        let mut bytes = room(end - start)?;
        bytes.resize((end - start) as usize, 0);
        file.read_exact_at(&mut bytes, place.start + start)
            .map_err(|error| format!("storage {key:?}: {error}"))?;
        Ok(bytes)
    })
}

/// Whether the file states that a little-endian machine wrote it.
fn is_little_endian(machine: &Heap) -> bool {
    let Object::Dict(entries) = machine.root() else {
        return false;
    };
    entries.iter().any(|(key, value)| {
        matches!(machine.get(*key), Object::Text(key) if key == "little_endian")
            && matches!(machine.get(*value), Object::Truth(true))
    })
}

/// Where each storage is. They follow one another from `at` on, in the order of `keys`.
fn places(file: &File, file_bytes: u64, mut at: u64, value: &Heap, keys: &Heap) -> Outcome<HashMap<String, Place>> {
    let elements: HashMap<&str, _> = value.storages().collect();
    let Object::List(list) = keys.root() else {
        return Err("its storages are not listed".to_owned());
    };
    let mut places = HashMap::new();
    for id in list {
        let Object::Text(key) = keys.get(*id) else {
            return Err("a storage's key is not a string".to_owned());
        };
        let element = elements.get(key.as_str());
        let element = element.ok_or_else(|| format!("the storage {key:?} belongs to no tensor"))?;
        let mut count = [0; 8];
        let cut = || format!("it ends before the storage {key:?} does");
        file.read_exact_at(&mut count, at).map_err(|_| cut())?;
        let bytes = u64::try_from(i64::from_le_bytes(count)).ok();
        let bytes = bytes.and_then(|count| count.checked_mul(element.size() as u64));
        let start = at + 8;
        let end = bytes
            .and_then(|bytes| start.checked_add(bytes))
            .filter(|end| *end <= file_bytes);
        let end = end.ok_or_else(cut)?;
        places.insert(
            key.clone(),
            Place {
                start,
                bytes: end - start,
            },
        );
        at = end;
    }
    Ok(places)
}
