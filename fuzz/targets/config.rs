//! `config.yaml`, and the record that its settings make.

#![no_main]

use libfuzzer_sys::fuzz_target;
use masp::config::{ConfigFile, Record, Sources, load};
use masp_fuzz::{on_file, sentence};

fuzz_target!(|bytes: &[u8]| {
    let sources = |path| Sources {
        config: ConfigFile::Named(path),
        ..Sources::default()
    };
    match on_file("config.yaml", bytes, |path| load(sources(path.to_owned()))) {
        Err(error) => sentence(&error),
        Ok(loaded) => {
            let record = Some(Record {
                name: "a record".to_owned(),
                settings: loaded.settings.to_record(),
            });
            let again = load(Sources {
                record,
                config: ConfigFile::None,
                ..Sources::default()
            });
            assert!(again.is_ok(), "{again:?}");
        }
    }
});
