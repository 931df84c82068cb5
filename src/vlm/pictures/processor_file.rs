//! The file of a model folder that holds its image processor's settings.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::PictureError;
use crate::printable::printable;
use crate::vlm::config_file::document;

/// The settings of a folder's image processor, as they are written there.
#[derive(Debug)]
pub struct ProcessorFile {
    pub path: PathBuf,
    pub keys: Map<String, Value>,
}

impl ProcessorFile {
    /// `image_processor` of `processor_config.json`, where transformers 5 stores the settings; otherwise
    /// `preprocessor_config.json`; `None` if there is neither.
    ///
    /// # Errors
    /// If a file cannot be read or does not hold keys.
    pub fn of(folder: &Path) -> Result<Option<Self>, PictureError> {
        const FILES: [(&str, Option<&str>); 2] = [
            ("processor_config.json", Some("image_processor")),
            ("preprocessor_config.json", None),
        ];
        for (name, within) in FILES {
            let path = folder.join(name);
            if !path.exists() {
                continue;
            }
            let mut keys = document::read(&path)?;
            let keys = match within {
                None => keys,
                Some(within) => match keys.remove(within) {
                    Some(Value::Object(keys)) => keys,
                    None | Some(Value::Null) => continue,
                    Some(_) => {
                        return Err(PictureError::File {
                            path,
                            reason: format!("its `{within}` is not an object"),
                        });
                    }
                },
            };
            return Ok(Some(Self { path, keys }));
        }
        Ok(None)
    }

    /// Deserialises the keys that `T` knows; all are missing if there are no settings.
    ///
    /// # Errors
    /// If keys hold another type of value.
    pub fn read<T: DeserializeOwned + Default>(file: Option<&Self>) -> Result<T, PictureError> {
        let Some(Self { path, keys }) = file else {
            return Ok(T::default());
        };
        T::deserialize(keys).map_err(|error| PictureError::File {
            path: path.clone(),
            reason: printable(&error.to_string()).into_owned(),
        })
    }
}
