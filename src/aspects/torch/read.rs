//! From a PyTorch file to named f32 tensors.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use indexmap::IndexMap;
use zip::{CompressionMethod, ZipArchive};

use super::{
    TorchError,
    gather::{Span, gather},
    legacy,
    object::{Heap, Object, TensorView},
    pickle::interpret,
};
use crate::{aspects::host_tensor::HostTensor, bounded_file::open_regular};

/// The largest pickle that is read. MASP's files need far less (30 tensors make 3 KiB).
pub(super) const MAX_PICKLE_BYTES: u64 = 1 << 20;
const MAX_NESTING: usize = 8;
const MAX_NAME_BYTES: usize = 256;

type Archive = ZipArchive<BufReader<File>>;
pub(super) type Outcome<T> = Result<T, String>;

/// Reads a file that `torch.save` wrote from nested dictionaries of tensors. A tensor's name is its keys joined by dots
/// (`cross_attn.scene.in_proj_weight`), in the file's order. Numbers of any type become f32, and values that are not
/// tensors are left out. For a view into a larger storage only the view is read.
///
/// # Errors
/// [`TorchError`]: the file cannot be opened, was not written by `torch.save`, is truncated or corrupt (checksums are
/// checked), names anything but dictionaries and tensors, or claims more data than it holds.
pub fn read_torch(path: &Path) -> Result<IndexMap<String, HostTensor>, TorchError> {
    read(path, |views| Ok(views))
}

/// Reads only the tensors that `wanted` selects, which must be floating-point, from such a file.
///
/// # Errors
/// As [`read_torch`]; also if a wanted tensor holds integers.
pub fn read_torch_parameters(
    path: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<IndexMap<String, HostTensor>, TorchError> {
    read(path, |mut views| {
        views.retain(|name, _| wanted(name));
        match views.iter().find(|(_, view)| view.element.is_integer()) {
            Some((name, view)) => Err(format!(
                "the tensor {name:?} has integers ({:?}), but parameters are floating-point numbers",
                view.element
            )),
            None => Ok(views),
        }
    })
}

/// The tensors of a pickle, by name.
pub(super) type Views<'a> = IndexMap<String, &'a TensorView>;

fn read(
    path: &Path,
    choose: impl FnOnce(Views<'_>) -> Outcome<Views<'_>>,
) -> Result<IndexMap<String, HostTensor>, TorchError> {
    let open = || {
        let file = open_regular(path)?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    };
    let (file, bytes) = open().map_err(|source| TorchError::Read {
        path: path.to_owned(),
        source,
    })?;
    let path = path.to_owned();
    let read = if legacy::is_legacy(&file) {
        legacy::tensors(&file, bytes, choose)
    } else {
        tensors(file, bytes, choose)
    };
    read.map_err(|reason| match reason.as_str() {
        NO_MEMORY => TorchError::Memory { path },
        _ => TorchError::Unfit { path, reason },
    })
}

fn tensors(
    file: File,
    file_bytes: u64,
    choose: impl FnOnce(Views<'_>) -> Outcome<Views<'_>>,
) -> Outcome<IndexMap<String, HostTensor>> {
    let mut archive = ZipArchive::new(BufReader::new(file))
        .map_err(|error| format!("it is not a complete zip archive ({})", quiet(&error)))?;
    let root = root(&archive)?;
    check_byte_order(&mut archive, &root)?;
    let pickle = record(&mut archive, &format!("{root}/data.pkl"), MAX_PICKLE_BYTES)?;
    let heap = interpret(&pickle).map_err(|fault| fault.to_string())?;
    let views = choose(Walk::over(&heap)?)?;
    let mut budget = file_bytes;
    load(file_bytes, &views, |key, start, end| {
        span(&mut archive, &format!("{root}/data/{key}"), start, end, &mut budget)
    })
}

/// The error for a record that does not fit into memory.
const NO_MEMORY: &str = "there is not enough memory for it";

/// An empty buffer with room for `bytes` bytes; the caller has checked that the file has as many.
pub(super) fn room(bytes: u64) -> Outcome<Vec<u8>> {
    let mut room = Vec::new();
    room.try_reserve_exact(usize::try_from(bytes).unwrap_or(usize::MAX))
        .map_err(|_| NO_MEMORY.to_owned())?;
    Ok(room)
}

/// The folder in the archive that contains all records: the file's stem, or `archive`.
fn root(archive: &Archive) -> Outcome<String> {
    let mut roots = Vec::new();
    for name in archive.file_names() {
        let name = name.map_err(|error| quiet(&error))?;
        roots.extend(name.strip_suffix("/data.pkl").map(str::to_owned));
    }
    match <[String; 1]>::try_from(roots) {
        Ok([root]) => Ok(root),
        Err(_) => Err("the zip archive does not hold exactly one data.pkl".to_owned()),
    }
}

/// Refuses big-endian files. PyTorch before 2.1 did not write the byte order; such files are taken as little-endian.
fn check_byte_order(archive: &mut Archive, root: &str) -> Outcome<()> {
    let name = format!("{root}/byteorder");
    if archive.index_for_name(&name).is_some() && record(archive, &name, 16)? != b"little" {
        return Err("its numbers are not little-endian".to_owned());
    }
    Ok(())
}

/// A whole record of at most `limit` bytes.
fn record(archive: &mut Archive, name: &str, limit: u64) -> Outcome<Vec<u8>> {
    unpacked(archive, name)?;
    let entry = archive
        .by_name(name)
        .map_err(|error| format!("record {name:?}: {}", quiet(&error)))?;
    let mut bytes = Vec::new();
    entry
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("record {name:?}: {}", quiet(&error)))?;
    if bytes.len() as u64 > limit {
        return Err(format!("record {name:?} is larger than {limit} bytes"));
    }
    Ok(bytes)
}

/// Refuses a compressed record, which only another program writes: the file's size does not bound its unpacked size.
fn unpacked(archive: &mut Archive, name: &str) -> Outcome<()> {
    let place = archive.index_for_name(name);
    let packed = place.and_then(|place| archive.by_index_raw(place).ok().map(|entry| entry.compression()));
    match packed {
        Some(method) if method != CompressionMethod::Stored => Err(format!(
            "its record {name:?} is compressed, which torch.save never does; unpack the archive and pack it again without \
             compression (`zip -0 -r`)"
        )),
        _ => Ok(()),
    }
}

/// Collects the tensors of nested dictionaries.
pub(super) struct Walk<'a> {
    heap: &'a Heap,
    entries: usize,
    views: IndexMap<String, &'a TensorView>,
}

impl<'a> Walk<'a> {
    pub fn over(heap: &'a Heap) -> Outcome<Views<'a>> {
        let mut walk = Self {
            heap,
            entries: 0,
            views: IndexMap::new(),
        };
        match heap.root() {
            Object::Dict(_) | Object::Parameters(_) => walk.visit("", heap.root(), 0)?,
            _ => return Err("it holds no dictionary of tensors".to_owned()),
        }
        Ok(walk.views)
    }

    fn visit(&mut self, name: &str, object: &'a Object, depth: usize) -> Outcome<()> {
        match object {
            Object::Tensor(view) => {
                let earlier = self.views.insert(name.to_owned(), view.as_ref());
                if earlier.is_some() {
                    return Err(format!("it holds the tensor {name:?} twice"));
                }
            }
            Object::Dict(_) | Object::Parameters(_) if depth == MAX_NESTING => {
                return Err(format!("its dictionaries are nested deeper than {MAX_NESTING}"));
            }
            Object::Dict(entries) => {
                for (key, value) in entries {
                    self.entries += 1;
                    // torch.save writes each entry once. A hostile file can share a dictionary in many places, so that
                    // a few entries expand to any number.
                    if self.entries > self.heap.len() {
                        return Err("its dictionaries have too many entries".to_owned());
                    }
                    let name = Self::join(name, self.heap.get(*key))?;
                    self.visit(&name, self.heap.get(*value), depth + 1)?;
                }
            }
            Object::Parameters(Some(parameters)) => self.visit(name, self.heap.get(*parameters), depth + 1)?,
            _ => {}
        }
        Ok(())
    }

    fn join(name: &str, key: &Object) -> Outcome<String> {
        let key = match key {
            Object::Text(key) => key.as_str(),
            _ => return Err(format!("a key in {name:?} is not a string")),
        };
        if name.len() + key.len() > MAX_NAME_BYTES {
            return Err(format!("a name in it is longer than {MAX_NAME_BYTES} bytes"));
        }
        Ok(if name.is_empty() {
            key.to_owned()
        } else {
            format!("{name}.{key}")
        })
    }
}

/// Reads each storage once, and only the part that its tensors use. `read` takes a storage's key, a start and an end,
/// and gives the bytes between them.
pub(super) fn load(
    file_bytes: u64,
    views: &Views<'_>,
    mut read: impl FnMut(&str, u64, u64) -> Outcome<Vec<u8>>,
) -> Outcome<IndexMap<String, HostTensor>> {
    let mut by_storage: BTreeMap<&str, Vec<(usize, &TensorView, Span)>> = BTreeMap::new();
    let mut claimed = 0u64;
    for (index, (name, view)) in views.iter().enumerate() {
        let too_large = || format!("the tensor {name:?} is larger than the file");
        let span = Span::of(view).ok_or_else(too_large)?;
        claimed = span
            .values
            .checked_add(claimed)
            .filter(|&sum| sum <= file_bytes)
            .ok_or_else(too_large)?;
        by_storage.entry(&view.key).or_default().push((index, view, span));
    }
    let mut tensors: Vec<HostTensor> = vec![HostTensor::default(); views.len()];
    for (key, users) in by_storage {
        let start = users.iter().map(|(_, _, span)| span.start).min().unwrap_or(0);
        let end = users.iter().map(|(_, _, span)| span.end).max().unwrap_or(0);
        let bytes = read(key, start, end)?;
        for (index, view, span) in users {
            if let Some(tensor) = tensors.get_mut(index) {
                *tensor = gather(&bytes, view, (span.start - start) as usize)
                    .ok_or_else(|| format!("a tensor reaches beyond its record {key:?}"))?;
            }
        }
    }
    Ok(views.keys().cloned().zip(tensors).collect())
}

/// The bytes `start..end` of a record. The whole record is read, so that its checksum is checked.
fn span(archive: &mut Archive, name: &str, start: u64, end: u64, budget: &mut u64) -> Outcome<Vec<u8>> {
    let fault = |error: &dyn std::fmt::Display| format!("record {name:?}: {}", quiet(error));
    unpacked(archive, name)?;
    let mut entry = archive.by_name(name).map_err(|error| fault(&error))?;
    // The budget bounds the total, because a hostile directory may list the same bytes many times.
    *budget = budget
        .checked_sub(entry.size())
        .ok_or_else(|| format!("record {name:?} claims more bytes than the file has"))?;
    if end > entry.size() {
        return Err(format!("a tensor reaches beyond its record {name:?}"));
    }
    io::copy(&mut entry.by_ref().take(start), &mut io::sink()).map_err(|error| fault(&error))?;
    let length = end - start;
    let mut bytes = room(length)?;
    entry
        .by_ref()
        .take(length)
        .read_to_end(&mut bytes)
        .map_err(|error| fault(&error))?;
    io::copy(&mut entry, &mut io::sink()).map_err(|error| fault(&error))?;
    Ok(bytes)
}

/// Another library's message without control characters, because it may quote the file.
fn quiet(error: &dyn std::fmt::Display) -> String {
    error.to_string().escape_debug().to_string()
}
