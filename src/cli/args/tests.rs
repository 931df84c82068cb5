use std::ffi::OsString;

use clap::CommandFactory;

use super::*;
use crate::config;
use crate::images::Images;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::from_argv(line.split_whitespace().map(OsString::from))
}

#[test]
fn the_argument_definitions_are_valid() {
    Cli::command().debug_assert();
}

#[test]
fn the_references_two_commands_parse() {
    let cli = parse("masp train --your_datapath D --dataname EmoSet --save_ckpt F.pth").unwrap();
    let Some(Command::Train(train)) = cli.command else {
        panic!("not train")
    };
    assert_eq!(train.save_ckpt, Some("F.pth".into()));
    assert_eq!(train.stage, None);
    let settings = config::load(train.sources()).unwrap().settings;
    assert_eq!(settings.data.root, Some("D".into()));
    assert_eq!(settings.data.dataname.as_deref(), Some("EmoSet"));

    let cli = parse("masp eval --your_datapath D --dataname EmoSet --load_ckpt F --load_spmodel_ckpt=G").unwrap();
    let Some(Command::Eval(eval)) = cli.command else {
        panic!("not eval")
    };
    assert_eq!(eval.checkpoints.load_ckpt, Some("F".into()));
    assert_eq!(eval.checkpoints.load_spmodel_ckpt, Some("G".into()));
    assert_eq!(
        config::load(eval.sources()).unwrap().settings.data.root,
        Some("D".into())
    );
}

#[test]
fn every_documented_command_parses() {
    let lines = [
        "masp",
        "masp --config c.yaml --set tui.fps=5",
        "masp demo --headless --json --device cpu",
        "masp train --data D --stage aspects --session S --resume --init-aspects A --init-prompt P --max-steps 3 --detach",
        "masp sweep R --data D --vary lr=1e-3,3e-3 --vary aspects.views=[scene],[scene,object] --seeds 3 --shots 1,4",
        "masp sweep R --file sweep.yaml --jobs 2 --stage prompt --init-aspects A --max-steps 3 --json --images off",
        "masp eval S@best --split val --json --model Qwen/Qwen2-VL-2B-Instruct --device cuda",
        "masp eval S --frozen --split val --device cuda:1",
        "masp predict a.jpg b.jpg --session S@120 --mute scene,object --show",
        "masp predict a.jpg --load-ckpt F --load-spmodel-ckpt G --json",
        "masp compare A B@best --json",
        "masp attach S --images kitty",
        "masp replay S --images off",
        "masp --images sixel",
        "masp sessions list --json",
        "masp sessions show S",
        "masp sessions export S@best out.pth",
        "masp sessions export S runs --what tensorboard",
        "masp sessions export S a.pdf --what curves --metric recall:fear --with T --with U --width-mm 60 --font-pt 7",
        "masp sessions export S confusion.svg --evaluation E --height-mm 70 --force",
        "masp sessions rm S T --yes",
        "masp data check D --dataname FI",
        "masp data synth D --images 100 --seed 7",
        "masp doctor --selftest --device cpu --set model.dtype=bf16",
    ];
    for line in lines {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    let lines = [
        "masp predict",
        "masp predict a.jpg --session S --load-ckpt F",
        "masp predict a.jpg --mute sky",
        "masp predict a.jpg --show --json",
        "masp train --max-steps 0",
        "masp sessions export S a.svg --metric los",
        "masp sessions export S a.svg --width-mm 1000",
        "masp sessions export S a.svg --font-pt x",
        "masp sweep",
        "masp sweep R --seeds 0",
        "masp sweep R --jobs 0",
        "masp train --device gpu",
        "masp train --device cuda:x",
        "masp attach S --images tiff",
        "masp eval S --images kitty",
        "masp eval S@first",
        "masp sessions rm",
        "masp nonsense",
    ];
    for line in lines {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
}

#[test]
fn how_pictures_are_drawn_is_a_setting() {
    let images = |line: &str| {
        let cli = parse(line).unwrap();
        let sources = match &cli.command {
            None => cli.sources(),
            Some(Command::Attach(args)) => args.sources(),
            Some(Command::Train(args)) => args.sources(),
            Some(Command::Demo(args)) => args.sources(),
            other => panic!("{other:?}"),
        };
        config::load(sources).unwrap().settings.tui.images
    };
    let cases = [
        ("masp", Images::Auto),
        ("masp --images sixel", Images::Sixel),
        ("masp attach S --images halfblocks", Images::Halfblocks),
        ("masp train --set tui.images=off --images kitty", Images::Kitty),
        ("masp demo --images iterm2", Images::Iterm2),
        ("masp demo --set tui.images=off", Images::Off),
    ];
    for (line, expected) in cases {
        assert_eq!(images(line), expected, "{line}");
    }
}

#[test]
fn a_flag_beats_set() {
    let cli = parse("masp train --set train.max_steps=9 --set data.root=E --max_steps 3 --session S").unwrap();
    let Some(Command::Train(train)) = cli.command else {
        panic!("not train")
    };
    let settings = config::load(train.sources()).unwrap().settings;
    assert_eq!(settings.train.max_steps, Some(3));
    assert_eq!(settings.data.root, Some("E".into()));
    assert_eq!(settings.session.name.as_deref(), Some("S"));
}
