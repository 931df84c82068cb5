//! `journal.index`: what a long journal says, in a form that is read ten times as fast. A reader that had to parse many lines
//! leaves it beside the journal; every later reader begins with it and parses only the lines that came since.
//!
//! ```text
//! "MASPIDX1" | covered bytes | lines | first 256 bytes of the journal | last 256 covered bytes | a row for each line
//! ```
//!
//! Numbers are 64 bits, little-endian. A row is nine of them: a step with its values, or where in the journal another event's
//! line stands. The journal remains the truth: an index that does not belong to it is not used, and without one all is read
//! from the journal.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
};

use super::{
    event::{Event, Stage, Step},
    journal_block::LONGEST_LINE,
    record::Record,
};

/// The file's name in the session's folder.
pub(super) const INDEX: &str = "journal.index";

/// The format. It changes with [`Step`]'s keys, so that no key is lost on the way through the index.
const MAGIC: [u8; 8] = *b"MASPIDX1";
/// So many bytes at both ends of what is covered tell whether the index is this journal's: they hold two lines' times.
const PROOF: usize = 256;
const HEADER: usize = MAGIC.len() + 16 + 2 * PROOF;
const ROW: usize = 72;
/// Rows that are read at once.
const ROWS: usize = 8192;

/// The kinds of rows. None is 0, as the bytes of a damaged file often are.
const ASPECTS: u64 = 1;
const PROMPT: u64 = 2;
const OTHER: u64 = 3;
/// Added to a step's kind if the step has [`Step::cache_hits`].
const WITH_CACHE_HITS: u64 = 16;

/// Where a line of the journal stands, in bytes, its end included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub offset: u64,
    pub length: u64,
}

/// A line as the index has it.
#[derive(Debug)]
pub(super) enum Indexed {
    Step(Record),
    /// The line must be read from the journal.
    Other(Span),
}

/// An index that belongs to a journal, open before its first row.
#[derive(Debug)]
pub(super) struct JournalIndex {
    file: File,
    /// Bytes of the journal that it covers: complete lines.
    pub covered: u64,
    /// Lines in these bytes.
    pub lines: u64,
}

impl JournalIndex {
    /// The index in `file`, if it was made from this journal and is complete.
    pub fn of(journal: &File, mut file: File) -> Option<Self> {
        let mut header = [0; HEADER];
        file.read_exact(&mut header).ok()?;
        let [covered, lines] = [8, 16].map(|at| number(&header[at..]));
        let rows = file.metadata().ok()?.len().checked_sub(HEADER as u64)?;
        let ours = header == *Self::header(journal, covered, lines).ok()?;
        (ours && Some(rows) == lines.checked_mul(ROW as u64)).then_some(Self { file, covered, lines })
    }

    fn header(journal: &File, covered: u64, lines: u64) -> io::Result<Box<[u8; HEADER]>> {
        let mut header = Box::new([0; HEADER]);
        header[..8].copy_from_slice(&MAGIC);
        header[8..16].copy_from_slice(&covered.to_le_bytes());
        header[16..24].copy_from_slice(&lines.to_le_bytes());
        let (first, last) = header[24..].split_at_mut(PROOF);
        let end = covered.checked_sub(PROOF as u64).ok_or(io::ErrorKind::InvalidInput)?;
        journal.read_exact_at(first, 0)?;
        journal.read_exact_at(last, end)?;
        Ok(header)
    }

    /// Gives the lines in order.
    ///
    /// # Errors
    /// What `each` returns; `failed` of what the file system reports, or of a row that this program did not write.
    pub fn each<E>(
        &mut self,
        failed: impl Fn(io::Error) -> E,
        mut each: impl FnMut(Indexed) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rows = vec![0; ROW * ROWS];
        let mut seq = 0;
        while seq < self.lines {
            let count = usize::try_from(self.lines - seq).map_or(ROWS, |left| left.min(ROWS));
            let read = &mut rows[..count * ROW];
            self.file.read_exact(read).map_err(&failed)?;
            for row in read.chunks_exact(ROW) {
                each(self.line(seq, row).map_err(&failed)?)?;
                seq += 1;
            }
        }
        Ok(())
    }

    fn line(&self, seq: u64, row: &[u8]) -> io::Result<Indexed> {
        let mut numbers = row.chunks_exact(8).map(number);
        let mut next = || numbers.next().unwrap_or_default();
        let kind = next();
        let stage = match kind & !WITH_CACHE_HITS {
            ASPECTS => Stage::Aspects,
            PROMPT => Stage::Prompt,
            OTHER => {
                let [offset, length] = [next(), next()];
                let end = offset.checked_add(length).filter(|&end| end <= self.covered);
                end.filter(|_| length <= LONGEST_LINE).ok_or_else(damaged)?;
                return Ok(Indexed::Other(Span { offset, length }));
            }
            _ => return Err(damaged()),
        };
        let step = next();
        let mut value = || f64::from_bits(next());
        let time = value();
        let event = Event::Step(Step {
            stage,
            step,
            epoch: value(),
            loss: value(),
            lr: value(),
            grad_norm: value(),
            samples_per_s: value(),
            cache_hits: (kind & WITH_CACHE_HITS != 0).then(value),
        });
        Ok(Indexed::Step(Record { seq, time, event }))
    }
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "it is damaged; delete it, and it is made anew",
    )
}

fn number(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// An index to be written: of what an older one covers, and of lines that were parsed after it.
#[derive(Debug)]
pub(super) struct NewIndex {
    before: Option<JournalIndex>,
    /// The rows of the parsed lines.
    rows: Vec<u8>,
    /// Bytes of the journal that are covered, and lines in them.
    covered: u64,
    lines: u64,
}

impl NewIndex {
    /// Covers what `before` does, so far.
    pub fn after(before: Option<JournalIndex>) -> Self {
        let (covered, lines) = before.as_ref().map_or((0, 0), |before| (before.covered, before.lines));
        Self {
            before,
            rows: Vec::new(),
            covered,
            lines,
        }
    }

    /// Adds the next line.
    pub fn push(&mut self, record: &Record, line: Span) {
        let row = match &record.event {
            Event::Step(step) => {
                let stage = match step.stage {
                    Stage::Aspects => ASPECTS,
                    Stage::Prompt => PROMPT,
                };
                let hits = step.cache_hits.map_or(0, |_| WITH_CACHE_HITS);
                let values = [
                    record.time,
                    step.epoch,
                    step.loss,
                    step.lr,
                    step.grad_norm,
                    step.samples_per_s,
                ];
                let [time, epoch, loss, lr, grad_norm, samples_per_s] = values.map(f64::to_bits);
                let cache_hits = step.cache_hits.unwrap_or_default().to_bits();
                [
                    stage | hits,
                    step.step,
                    time,
                    epoch,
                    loss,
                    lr,
                    grad_norm,
                    samples_per_s,
                    cache_hits,
                ]
            }
            _ => [OTHER, line.offset, line.length, 0, 0, 0, 0, 0, 0],
        };
        self.rows.extend(row.iter().flat_map(|number| number.to_le_bytes()));
        (self.covered, self.lines) = (line.offset + line.length, self.lines + 1);
    }

    /// Writes the index of `journal`.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn write(&self, journal: &File, mut to: &File) -> io::Result<()> {
        to.write_all(&*JournalIndex::header(journal, self.covered, self.lines)?)?;
        if let Some(before) = &self.before {
            let mut from = &before.file;
            from.seek(SeekFrom::Start(HEADER as u64))?;
            io::copy(&mut from.take(before.lines * ROW as u64), &mut to)?;
        }
        to.write_all(&self.rows)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, OpenOptions},
        path::Path,
    };

    use super::*;
    use crate::session::{JournalError, JournalTail, JournalWriter, Log, SessionFolder};

    /// A journal of both stages, with all that a step can lack.
    fn journal(folder: &SessionFolder, steps: std::ops::Range<u64>) {
        let mut journal = JournalWriter::open(&folder.journal()).unwrap();
        if steps.start == 0 {
            journal.append(crate::made_up::evaluated::start()).unwrap();
        }
        for step in steps {
            let event = Event::Step(Step {
                stage: if step < 7 { Stage::Aspects } else { Stage::Prompt },
                step,
                epoch: step as f64 / 3.0,
                loss: if step == 3 { f64::NAN } else { 1.0 / (1 + step) as f64 },
                lr: 1e-3,
                grad_norm: 0.1 + 0.2,
                samples_per_s: 1e9 / 7.0,
                cache_hits: (step % 2 == 0).then_some(step as f64 / 100.0),
            });
            journal.append(event).unwrap();
            if step % 5 == 0 {
                journal
                    .append(Event::Log(Log::new(format!("after step {step}"))))
                    .unwrap();
            }
        }
    }

    /// Reads as a session's first reader does; every journal is long enough for an index if `index` says so.
    fn read(folder: &SessionFolder, index: bool) -> Result<Vec<String>, JournalError> {
        let mut tail = JournalTail::of(folder);
        tail.index_from = if index { 1 } else { u64::MAX };
        let mut records = Vec::new();
        // NaN is not equal to itself, but its text is.
        tail.poll(|record| records.push(format!("{record:?}")))?;
        tail.write_index();
        Ok(records)
    }

    fn index(folder: &SessionFolder) -> std::path::PathBuf {
        folder.path().join(INDEX)
    }

    /// Makes the journal's step lines unreadable without changing their length: who still reads them took the index.
    fn blot_steps(journal: &Path) {
        let text = fs::read_to_string(journal).unwrap();
        let (first, rest) = text.split_at(PROOF);
        let (middle, last) = rest.split_at(rest.len() - PROOF);
        fs::write(
            journal,
            format!("{first}{}{last}", middle.replace("\"step\"", "\"blot\"")),
        )
        .unwrap();
    }

    #[test]
    fn a_long_journal_is_read_from_its_index_as_it_was_written() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        journal(&folder, 0..20);
        let parsed = read(&folder, false).unwrap();
        assert!(!index(&folder).exists(), "a short journal needs none");
        assert_eq!(read(&folder, true).unwrap(), parsed);
        assert!(index(&folder).exists());
        journal(&folder, 20..40);
        let longer = read(&folder, false).unwrap();
        assert_eq!(
            (longer.len(), &longer[..parsed.len()]),
            (parsed.len() + 24, &parsed[..])
        );
        let before = fs::read(index(&folder)).unwrap();
        assert_eq!(read(&folder, true).unwrap(), longer);
        assert!(
            fs::read(index(&folder)).unwrap().len() > before.len(),
            "it covers the new lines too"
        );
        blot_steps(&folder.journal());
        assert_eq!(read(&folder, true).unwrap(), longer);
        assert_eq!(read(&folder.kept_open().unwrap(), true).unwrap(), longer);
        fs::remove_file(index(&folder)).unwrap();
        assert!(matches!(read(&folder, true), Err(JournalError::Broken { .. })));
        assert!(!index(&folder).exists(), "a broken journal gets none");
    }

    #[test]
    fn an_index_of_another_journal_or_half_an_index_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        journal(&folder, 0..20);
        read(&folder, true).unwrap();
        let whole = fs::read(index(&folder)).unwrap();
        for (why, bytes) in [
            ("empty", &[][..]),
            ("half", &whole[..whole.len() / 2]),
            ("without a row", &whole[..whole.len() - ROW]),
            ("another format", &[b"MASPIDX0", &whole[8..]].concat()),
            ("longer", &[&whole[..], &[0; ROW]].concat()),
        ] {
            fs::write(index(&folder), bytes).unwrap();
            assert_eq!(read(&folder, false).unwrap().len(), 25, "{why}");
        }
        // A person cut the journal before a damaged line, and the run went on from there.
        fs::write(index(&folder), &whole).unwrap();
        let text = fs::read_to_string(folder.journal()).unwrap();
        let kept: String = text.split_inclusive('\n').take(10).collect();
        fs::write(folder.journal(), kept).unwrap();
        assert_eq!(read(&folder, false).unwrap().len(), 10);
        journal(&folder, 30..60);
        let records = read(&folder, false).unwrap();
        assert_eq!(records.len(), 10 + 36);
        assert!(records[10].contains("step: 30"), "{}", records[10]);
    }

    #[test]
    fn a_damaged_row_is_named_and_no_row_is_believed_beyond_the_journal() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        journal(&folder, 0..20);
        let records = read(&folder, true).unwrap();
        let whole = fs::read(index(&folder)).unwrap();
        let mut write = OpenOptions::new().write(true).open(index(&folder)).unwrap();
        for row in 0..records.len() {
            for (at, value) in [(0, 0), (0, 77), (0, OTHER), (8, u64::MAX), (16, u64::MAX)] {
                let place = HEADER + row * ROW + at;
                write.seek(SeekFrom::Start(place as u64)).unwrap();
                write.write_all(&value.to_le_bytes()).unwrap();
                match read(&folder, false) {
                    // A step's own numbers may be any.
                    Ok(read) => assert_eq!(read.len(), records.len()),
                    Err(error) => assert!(error.to_string().contains("journal."), "{error}"),
                }
                fs::write(index(&folder), &whole).unwrap();
            }
        }
        let mut zeros = whole.clone();
        zeros[HEADER + 2 * ROW..].fill(0);
        fs::write(index(&folder), zeros).unwrap();
        let error = read(&folder, false).unwrap_err().to_string();
        assert!(error.contains(INDEX) && error.contains("delete it"), "{error}");
    }
}
