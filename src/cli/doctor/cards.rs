//! The graphics cards, their driver, and whether the one that `--device` names can be used.

use std::fs;
use std::path::Path;

use super::finding::Finding;
use crate::engine::DeviceChoice;
use crate::engine::device::cards::{self, Card, CardError, Driver};
use crate::figures;
use crate::nn::DeviceMemory;
use crate::operating_system::proc_field;

/// The driver's folder, with one folder per card.
const CARDS: &str = "/proc/driver/nvidia/gpus";

/// What the driver and the system say about cards, and whether the one that `--device` names can be used.
pub(super) fn findings(choice: DeviceChoice) -> Vec<Finding> {
    let seen = cards_of_the_system(Path::new(CARDS));
    let mut findings = match cards::driver_with_memory() {
        Ok(driver) => of_driver(&driver),
        Err(_) => vec![of_system(&seen)],
    };
    let index = match choice {
        DeviceChoice::Cpu => None,
        DeviceChoice::Auto => Some(0),
        DeviceChoice::Cuda(index) => Some(index),
    };
    let wanted = matches!(choice, DeviceChoice::Cuda(_));
    findings.push(match index.map(|index| (index, cards::open(index))) {
        None => Finding::ok("device", "cpu"),
        Some((index, Ok(_))) => Finding::ok("device", format!("cuda:{index} can be used")),
        Some((_, Err(CardError::NotBuiltIn))) if !wanted && seen.is_empty() => Finding::ok("device", "cpu"),
        Some((_, Err(error))) => {
            let text = format!("the CPU is used, not CUDA: {error}");
            if wanted || !seen.is_empty() || !error.is_absence() {
                Finding::problem("device", text)
            } else {
                Finding::note("device", text)
            }
        }
    });
    findings
}

/// The driver, and a line for each card that it shows.
fn of_driver(driver: &Driver) -> Vec<Finding> {
    let (major, minor) = driver.version;
    let driver_line = Finding::ok("driver", format!("supports CUDA {major}.{minor}"));
    let card = |card: &Card| {
        let (major, minor) = card.capability;
        let memory = match card.memory {
            Some(DeviceMemory { free, total }) => {
                format!("{} free of {}", figures::memory(free), figures::memory(total))
            }
            None => "its memory is unknown: it cannot be opened".to_owned(),
        };
        let text = format!(
            "cuda:{} {}, compute capability {major}.{minor}, {memory}",
            card.index, card.name
        );
        Finding::ok("gpu", text)
    };
    [driver_line].into_iter().chain(driver.cards.iter().map(card)).collect()
}

/// The cards that the system knows, where the driver shows none to this program.
fn of_system(cards: &[String]) -> Finding {
    match cards {
        [] => Finding::note(
            "gpu",
            "no NVIDIA card was found; models with billions of weights need one",
        ),
        cards => Finding::ok("gpu", format!("{}: {}", cards.len(), cards.join(", "))),
    }
}

/// The cards' names in the order of their bus addresses.
fn cards_of_the_system(folder: &Path) -> Vec<String> {
    let mut folders: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort();
    let name = |folder: &Path| {
        let text = fs::read_to_string(folder.join("information")).ok()?;
        Some(proc_field(&text, "Model")?.to_owned())
    };
    folders
        .iter()
        .map(|folder| name(folder).unwrap_or_else(|| "a card without a name".to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_the_cards_names() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(cards_of_the_system(&folder.path().join("none")).is_empty());
        for (address, text) in [
            ("0000:02:00.0", "IRQ: 4\n"),
            ("0000:01:00.0", "Model: \t NVIDIA H100\nIRQ: 3\n"),
        ] {
            fs::create_dir(folder.path().join(address))?;
            fs::write(folder.path().join(address).join("information"), text)?;
        }
        assert_eq!(
            cards_of_the_system(folder.path()),
            ["NVIDIA H100", "a card without a name"]
        );
        Ok(())
    }

    #[test]
    fn each_card_is_a_line_with_its_index_memory_and_capability() {
        let card = |index, memory| Card {
            index,
            name: "NVIDIA H100".to_owned(),
            capability: (9, 0),
            memory,
        };
        let memory = DeviceMemory {
            free: 3 << 30,
            total: 80 << 30,
        };
        let lines = of_driver(&Driver {
            version: (13, 0),
            cards: vec![card(0, Some(memory)), card(1, None)],
        });
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "supports CUDA 13.0",
                "cuda:0 NVIDIA H100, compute capability 9.0, 3.0 GiB free of 80.0 GiB",
                "cuda:1 NVIDIA H100, compute capability 9.0, its memory is unknown: it cannot be opened",
            ]
        );
    }
}
