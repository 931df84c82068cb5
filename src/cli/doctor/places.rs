//! The config file, and the folders that the settings name: model, data, sessions.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::finding::Finding;
use crate::config::{self, ConfigFile, Quantize, Settings, Sources};
use crate::figures;
use crate::operating_system::machine_memory;
use crate::vlm::hub;
use crate::vlm::inspect::{Description, inspect};

/// With less room on disk a run may lack it for its checkpoints.
const LOW_DISK_SPACE: u64 = 1 << 30;

/// The findings for the paths that the settings of `sources` name.
pub(super) fn findings(sources: Sources) -> Vec<Finding> {
    let (file, user) = (sources.config.clone(), sources.user.clone());
    let loaded = match config::load(sources) {
        Ok(loaded) => loaded,
        Err(error) => return vec![Finding::problem("config", error.to_string())],
    };
    let settings = loaded.settings;
    let mut findings = vec![config_file(&file)];
    let user = user.filter(|path| path.is_file());
    findings.extend(user.map(|path| Finding::ok("own config", path.display().to_string())));
    findings.extend(loaded.notices.into_iter().map(|notice| Finding::note("config", notice)));
    findings.extend([
        cache(hub::cache_folder()),
        model(&settings),
        data(&settings),
        sessions(&settings.session.root),
    ]);
    findings
}

fn config_file(file: &ConfigFile) -> Finding {
    match file {
        ConfigFile::Named(path) => Finding::ok("config", path.display().to_string()),
        ConfigFile::IfPresent(path) if path.is_file() => Finding::ok("config", path.display().to_string()),
        ConfigFile::IfPresent(path) => Finding::note(
            "config",
            format!("there is no {} here; the built-in settings apply", path.display()),
        ),
        ConfigFile::None => Finding::note("config", "no config file is read; the built-in settings apply"),
    }
}

fn cache(folder: Option<PathBuf>) -> Finding {
    match folder {
        Some(folder) => Finding::ok(
            "hub cache",
            format!("{} (HF_HOME or HF_HUB_CACHE moves it)", folder.display()),
        ),
        None => Finding::note("hub cache", "no folder for it is known; set HF_HOME to download models"),
    }
}

fn model(settings: &Settings) -> Finding {
    let Some(model) = &settings.model.path else {
        return Finding::ok("model", "the embedded tiny model; --model names another");
    };
    match hub::cached(model) {
        Ok(folder) => held(model, settings.model.quantize, &folder),
        // A description of the folder says more than the names of the missing files.
        Err(_) if Path::new(model).is_dir() => held(model, settings.model.quantize, Path::new(model)),
        Err(_) if hub::is_hub_id(model) => Finding::note(
            "model",
            format!("{model} is not complete in the hub cache; the first run downloads it"),
        ),
        Err(_) => Finding::problem(
            "model",
            format!("{model} is neither a folder nor a hub id; correct model.path"),
        ),
    }
}

/// The finding for a folder that should hold a model: what it holds instead.
fn held(model: &str, quantize: Quantize, folder: &Path) -> Finding {
    match inspect(folder) {
        Ok(found) => Finding::ok(
            "model",
            format!(
                "{model} at {}: {found}; {}",
                folder.display(),
                fits(&found, quantize, machine_memory().map(|memory| memory.total))
            ),
        ),
        Err(error) => Finding::problem("model", error.to_string()),
    }
}

/// How much memory the weights take on a GPU and on a CPU, and whether that fits this machine.
fn fits(model: &Description, quantize: Quantize, memory: Option<u64>) -> String {
    let on_cpu = cpu_bytes(model, quantize);
    let here = match memory {
        Some(memory) if on_cpu > memory => {
            let smaller = Quantize::Q4K;
            let advice = if quantize == smaller {
                String::new()
            } else {
                format!(
                    "; {} with model.quantize: {}",
                    figures::memory(cpu_bytes(model, smaller)),
                    smaller.name()
                )
            };
            format!(", more than the {} of this machine{advice}", figures::memory(memory))
        }
        Some(memory) => format!(", of {} here", figures::memory(memory)),
        None => String::new(),
    };
    let formats = match quantize {
        Quantize::None => ["bf16", "f32"],
        quantised => [quantised.name(); 2],
    };
    format!(
        "its weights take {} on a GPU ({}) and {} on a CPU ({}{here})",
        figures::memory(bytes(model, quantize, 2)),
        formats[0],
        figures::memory(on_cpu),
        formats[1]
    )
}

fn cpu_bytes(model: &Description, quantize: Quantize) -> u64 {
    let halves = quantize != Quantize::None && matches!(model.dtype.as_str(), "bf16" | "f16");
    bytes(model, quantize, if halves { 2 } else { 4 })
}

/// The weights' bytes, if those that are not quantised take `each`.
fn bytes(model: &Description, quantize: Quantize, each: u64) -> u64 {
    match quantize.bits() {
        None => model.parameters.saturating_mul(each),
        Some(bits) => {
            let blocks = (model.quantisable as f64 * bits / 8.0) as u64;
            model
                .parameters
                .saturating_sub(model.quantisable)
                .saturating_mul(each)
                .saturating_add(blocks)
        }
    }
}

fn data(settings: &Settings) -> Finding {
    match &settings.data.root {
        None => Finding::note(
            "data",
            "no dataset is named; --data names one, `masp demo` draws its own",
        ),
        Some(root) if root.is_dir() => Finding::ok(
            "data",
            format!("{}; `masp data check` checks its content", root.display()),
        ),
        Some(root) => Finding::problem(
            "data",
            format!("there is no folder {}; correct data.root", root.display()),
        ),
    }
}

/// The finding for the sessions' folder: it need not exist, but it must be possible to create it.
fn sessions(root: &Path) -> Finding {
    let there = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    let Some(there) = there.ancestors().find(|folder| folder.exists()) else {
        return Finding::problem("sessions", format!("{} cannot be created", root.display()));
    };
    if !there.is_dir() || access(there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Finding::problem(
            "sessions",
            format!(
                "{} cannot be written to; name another folder as session.root",
                there.display()
            ),
        );
    }
    match statvfs(there).map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize)) {
        Ok(free) if free < LOW_DISK_SPACE => Finding::note(
            "sessions",
            format!(
                "{}, only {} free; free some space for checkpoints",
                root.display(),
                figures::memory(free)
            ),
        ),
        Ok(free) => Finding::ok(
            "sessions",
            format!("{}, {} free", root.display(), figures::memory(free)),
        ),
        Err(error) => Finding::note(
            "sessions",
            format!("{}; the free space is unknown: {error}", root.display()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    fn levels(set: &[String]) -> Vec<(&'static str, Level)> {
        let sources = Sources {
            config: ConfigFile::None,
            set: set.to_vec(),
            ..Sources::default()
        };
        findings(sources)
            .into_iter()
            .map(|finding| (finding.subject, finding.level))
            .collect()
    }

    #[test]
    fn a_model_folder_is_described_and_another_folder_is_a_problem() {
        let of = |folder: &Path| {
            let mut settings = Settings::default();
            settings.model.path = Some(folder.display().to_string());
            model(&settings)
        };
        let own = of(&crate::vlm::tiny::folder().unwrap());
        assert_eq!(own.level, Level::Ok);
        for said in [
            "Qwen2-VL",
            "in bf16",
            "4 layers of width 128",
            "4 vision blocks of width 96",
            "own head",
        ] {
            assert!(own.text.contains(said), "{said}: {}", own.text);
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("adapter_config.json"), "{}").unwrap();
        let adapter = of(folder.path());
        assert_eq!(adapter.level, Level::Problem);
        assert!(adapter.text.contains("merge it into its base"), "{}", adapter.text);
    }

    #[test]
    fn a_models_memory_is_compared_with_the_machines() {
        let mut model = inspect(&crate::vlm::tiny::folder().unwrap()).unwrap();
        model.parameters = 3 << 30;
        model.quantisable = 2 << 30;
        let small = fits(&model, Quantize::None, Some(8 << 30));
        assert!(
            small.contains("6.0 GiB on a GPU") && small.contains("12.0 GiB on a CPU (f32, more than the 8.0 GiB"),
            "{small}"
        );
        // 2 Gi weights of 4.5 bits, and 1 Gi in the bf16 that they are stored in.
        assert!(small.ends_with("; 3.1 GiB with model.quantize: q4_k)"), "{small}");
        let quantised = fits(&model, Quantize::Q4K, Some(8 << 30));
        let both = "3.1 GiB on a GPU (q4_k) and 3.1 GiB on a CPU (q4_k, of 8.0 GiB here)";
        assert!(quantised.ends_with(both), "{quantised}");
        assert!(fits(&model, Quantize::Q8_0, None).contains("4.1 GiB on a GPU (q8_0)"));
        assert!(fits(&model, Quantize::None, Some(16 << 30)).contains("of 16.0 GiB here"));
        assert!(fits(&model, Quantize::None, None).ends_with("(f32)"));
    }

    #[test]
    fn missing_folders_are_problems() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(at("file"), "")?;
        let good = levels(&[
            format!("data.root={}", at("")),
            format!("session.root={}", at("new/sessions")),
        ]);
        assert!(good.iter().all(|(_, level)| *level != Level::Problem), "{good:?}");
        let bad = levels(&[
            format!("data.root={}", at("none")),
            format!("session.root={}", at("file/sessions")),
            format!("model.path={}", at("")),
        ]);
        for subject in ["data", "sessions", "model"] {
            assert!(bad.contains(&(subject, Level::Problem)), "{subject}: {bad:?}");
        }
        assert_eq!(levels(&["no.such=1".to_owned()]), [("config", Level::Problem)]);
        Ok(())
    }
}
