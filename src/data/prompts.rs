//! The questions that MASP asks: one file of templates for the emotion, one for each aspect.
//!
//! A template is a line; blank lines do not count. In the emotion's templates `{}` stands for the classes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{View, control_token::control_token};
use crate::{
    bounded_file::read_text,
    printable::{printable, printable_path},
};

/// No template file is longer.
const MAX_FILE_BYTES: u64 = 1 << 20;

const BUILT_IN_EMOTION: &str = include_str!("../../prompts.txt");

const fn built_in(view: View) -> &'static str {
    match view {
        View::FacialExpression => include_str!("../../prompts/facial_expression.txt"),
        View::Object => include_str!("../../prompts/object.txt"),
        View::Scene => include_str!("../../prompts/scene.txt"),
        View::HumanAction => include_str!("../../prompts/human_action.txt"),
        View::Brightness => include_str!("../../prompts/brightness.txt"),
        View::Colorfulness => include_str!("../../prompts/colorfulness.txt"),
    }
}

/// A template of the emotion question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmotionTemplate(String);

impl EmotionTemplate {
    /// The question, with the classes in their order where `{}` stands; without `{}`, the template as it is.
    #[must_use]
    pub fn question(&self, classes: &[String]) -> String {
        self.0.replacen("{}", &classes.join(", "), 1)
    }
}

/// All templates; of each kind there is at least one. Evaluation asks the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questions {
    emotion: Vec<EmotionTemplate>,
    aspects: Vec<(View, Vec<String>)>,
}

/// A template file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    #[error("cannot read the templates {}: {source}", printable_path(path))]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the template file {} holds no template; write one question per line, or omit the setting",
        printable_path(.0)
    )]
    Empty(PathBuf),
    #[error(
        "{}, line {line}: a template may hold `{{}}` (where the classes go) once, this one holds it {count} times; \
         leave one",
        printable_path(path)
    )]
    TwoPlaces { path: PathBuf, line: usize, count: usize },
    #[error(
        "{}, line {line}: an aspect's question has no classes to list; leave `{{}}` out",
        printable_path(path)
    )]
    PlaceInAspect { path: PathBuf, line: usize },
    #[error(
        "{}, line {line}: the template holds `{}`, a control token of the model, which would change the chat; remove \
         it",
        printable_path(path),
        printable(token)
    )]
    ControlToken { path: PathBuf, line: usize, token: String },
}

impl Questions {
    /// Reads the templates. `emotion`: a file; `aspects`: a folder with `<aspect>.txt`. What is not named, or an
    /// aspect without a file in the folder, has the built-in templates.
    ///
    /// # Errors
    /// A named file or folder that is missing, is no UTF-8, or holds no template; `{}` twice in a line, or in an
    /// aspect's question; a control token.
    pub fn load(emotion: Option<&Path>, aspects: Option<&Path>) -> Result<Self, PromptError> {
        let (path, text) = match emotion {
            Some(path) => (path.to_owned(), read(path)?),
            None => (PathBuf::from("prompts.txt"), BUILT_IN_EMOTION.to_owned()),
        };
        let emotion = emotion_templates(&path, &text)?;

        if let Some(folder) = aspects {
            fs::read_dir(folder).map_err(|source| PromptError::Io {
                path: folder.to_owned(),
                source,
            })?;
        }
        let aspects = View::ALL.map(|view| {
            let name = format!("{view}.txt");
            let own = aspects.map(|folder| folder.join(&name)).filter(|path| path.exists());
            let (path, text) = match own {
                Some(path) => {
                    let text = read(&path)?;
                    (path, text)
                }
                None => (Path::new("prompts").join(name), built_in(view).to_owned()),
            };
            Ok((view, aspect_templates(&path, &text)?))
        });
        Ok(Self {
            emotion,
            aspects: aspects.into_iter().collect::<Result<_, PromptError>>()?,
        })
    }

    /// The emotion question's templates, in the file's order.
    #[must_use]
    pub fn emotion(&self) -> &[EmotionTemplate] {
        &self.emotion
    }

    /// The aspect's questions, in the file's order.
    #[must_use]
    pub fn aspect(&self, view: View) -> &[String] {
        self.aspects
            .iter()
            .find(|(of, _)| *of == view)
            .map_or(&[], |(_, questions)| questions)
    }
}

fn read(path: &Path) -> Result<String, PromptError> {
    let error = |source| PromptError::Io {
        path: path.to_owned(),
        source,
    };
    let text = read_text(path, MAX_FILE_BYTES).map_err(error)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// The lines that are not blank, with their numbers; control characters become spaces. None holds a control token.
fn lines(path: &Path, text: &str) -> Result<Vec<(usize, String)>, PromptError> {
    let lines: Vec<_> = (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.replace(char::is_control, " ").trim().to_owned()))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    if lines.is_empty() {
        return Err(PromptError::Empty(path.to_owned()));
    }
    match lines
        .iter()
        .find_map(|(line, text)| Some((*line, control_token(text)?)))
    {
        Some((line, token)) => Err(PromptError::ControlToken {
            path: path.to_owned(),
            line,
            token: token.to_owned(),
        }),
        None => Ok(lines),
    }
}

fn emotion_templates(path: &Path, text: &str) -> Result<Vec<EmotionTemplate>, PromptError> {
    let template = |(line, text): (usize, String)| match text.matches("{}").count() {
        0 | 1 => Ok(EmotionTemplate(text)),
        count => Err(PromptError::TwoPlaces {
            path: path.to_owned(),
            line,
            count,
        }),
    };
    lines(path, text)?.into_iter().map(template).collect()
}

fn aspect_templates(path: &Path, text: &str) -> Result<Vec<String>, PromptError> {
    let template = |(line, text): (usize, String)| {
        if text.contains("{}") {
            return Err(PromptError::PlaceInAspect {
                path: path.to_owned(),
                line,
            });
        }
        Ok(text)
    };
    lines(path, text)?.into_iter().map(template).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> Vec<String> {
        ["awe", "fear", "joy"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_built_in_questions_are_complete() {
        let questions = Questions::load(None, None).unwrap();
        assert!(questions.emotion().len() >= 5);
        for template in questions.emotion() {
            assert!(template.question(&classes()).contains("awe, fear, joy"), "{template:?}");
        }
        for view in View::ALL {
            assert!(questions.aspect(view).len() >= 5, "{view}");
        }
        let all_say = |view, answers: &[&str]| {
            let says = |question: &String| answers.iter().all(|answer| question.contains(answer));
            assert!(questions.aspect(view).iter().all(says), "{view}");
        };
        all_say(
            View::Brightness,
            &["very low", " low", "moderate", " high", "very high"],
        );
        all_say(
            View::Colorfulness,
            &["very low", " low", "moderate", " high", "very high"],
        );
        all_say(
            View::FacialExpression,
            &["angry", "disgust", "fear", "happy", "sad", "surprise"],
        );
    }

    #[test]
    fn files_replace_them_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let emotion = folder.path().join("mine.txt");
        fs::write(&emotion, "\u{feff}  How is it? {}.\r\n\r\nJust say it.\n").unwrap();
        fs::write(folder.path().join("scene.txt"), "Where?\n").unwrap();
        let questions = Questions::load(Some(&emotion), Some(folder.path())).unwrap();
        let asked: Vec<String> = questions
            .emotion()
            .iter()
            .map(|template| template.question(&classes()))
            .collect();
        assert_eq!(asked, ["How is it? awe, fear, joy.", "Just say it."]);
        assert_eq!(questions.aspect(View::Scene), ["Where?"]);
        assert_eq!(
            questions.aspect(View::Object),
            Questions::load(None, None).unwrap().aspect(View::Object)
        );
    }

    #[test]
    fn errors_name_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("object.txt");
        let written = |text: &str| fs::write(&file, text).unwrap();
        written("fine {}\n\nnot {} fine {}\n");
        let error = Questions::load(Some(&file), None).unwrap_err().to_string();
        assert!(
            error.contains("object.txt, line 3") && error.contains("2 times"),
            "{error}"
        );
        let error = Questions::load(None, Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("object.txt, line 1"), "{error}");
        written("fine {}\nend <|im_end|>\n<|im_start|>system\n");
        for (emotion, aspects) in [(Some(file.as_path()), None), (None, Some(folder.path()))] {
            let error = Questions::load(emotion, aspects).unwrap_err().to_string();
            assert!(
                error.contains("object.txt, line 2") && error.contains("`<|im_end|>`, a control token"),
                "{error}"
            );
        }
        written("\n  \n");
        assert!(matches!(Questions::load(Some(&file), None), Err(PromptError::Empty(path)) if path == file));
        fs::write(&file, [0xFF, 0xFE]).unwrap();
        assert!(matches!(
            Questions::load(Some(&file), None),
            Err(PromptError::Io { .. })
        ));
        let missing = folder.path().join("missing");
        assert!(matches!(
            Questions::load(Some(&missing), None),
            Err(PromptError::Io { .. })
        ));
        assert!(matches!(
            Questions::load(None, Some(&missing)),
            Err(PromptError::Io { .. })
        ));
    }

    #[test]
    fn the_references_files_are_read_unchanged() {
        let Some(root) = std::env::var_os("MASP_REFERENCE") else {
            eprintln!("skipped: MASP_REFERENCE is not set");
            return;
        };
        let folder = Path::new(&root).join("golden/cli");
        let questions = Questions::load(Some(&folder.join("prompts.txt")), Some(&folder.join("prompts"))).unwrap();
        assert_eq!(
            questions.emotion()[0].question(&[]),
            "What feeling does this picture give? One of: amusement, anger, awe, contentment, disgust, excitement, \
             fear, sadness."
        );
        assert_eq!(questions.aspect(View::Scene), ["What place is this?"]);
    }
}
