internal import Files
internal import TestSupport
internal import Testing

@Suite struct UsageTests {
  @Test(arguments: [
    (["--sampling-steps", "0"], "--sampling-steps 0: must be from 1 to 1000"),
    (["--sampling-steps", "-5"], "--sampling-steps -5: must be from 1 to 1000"),
    (["--cfg_scale", "1"], "unknown option '--cfg-scale'; did you mean '--guidance-scale'?"),
    (["--imagegrid=1"], "--imagegrid '1': must be true or false"),
    (["--sampling-steps", "1001"], "must be from 1 to 1000"),
    (["--sampling-steps", "many"], "--sampling-steps 'many': must be a whole number"),
    (
      ["--sampling-stps", "5"], "unknown option '--sampling-stps'; did you mean '--sampling-steps'?"
    ),
    (["--foo", "5"], "unknown option '--foo'; --help lists those of the command"),
    (["-x", "5"], "unknown option '-x'; --help lists those of the command"),
    (["-seed", "5"], "unknown option '-seed'; did you mean '--seed'?"),
    (["--class-labels", "99999"], "class 99999 is out of range"),
    (["--class-labels", "clok"], "did you mean 'clock'?"),
    (["--image-size", "33"], "no multiple of autoencoder factor x patch size, 16"),
    (["--image-size", "32"], "makes images of 128 x 128 pixels"),
    (["--model-name", "DiT-XL/2"], "is no DiT-XL/2: width 256"),
    (["--model-name", "DiT-XXL/2"], "DiT-XL/4"),
    (["--sampler", "plms"], "dpm++2m-sde"),
    (["--sampler", "ddpm", "--ddim-sampling"], "contradicts"),
    (["--num-samples", "0"], "must be from 1 to 10000000"),
    (["--batch-size", "0"], "must be from 1 to 65536"),
    (["--eta", "nan"], "must be from 0 to 1"),
    (["--precision", "fp32", "--int8-fc2", "fp32"], "is for --precision int8"),
    (["--precision", "int8", "--int8-fc2", "bf16"], "int8-fc2"),
    (["--precision", "int8-fc2-fp32"], "'int8-fc2-fp32' is invalid"),
    (["--dtype", "bf16", "--int8-fc2", "fp32"], "is for --precision int8, not bf16"),
    (["--use-fp16", "true", "--dtype", "fp32"], "use_fp16 true contradicts dtype fp32"),
    (["--cfg-channels", "none"], "'none': must be a number of channels, 1 at least, or all"),
    (["--sd-scale-factor", "0"], "must be above 0"),
    (
      ["--guidance-interval", "0.7,0.2"],
      "'0.7,0.2': must be two numbers from 0 to 1, the lower one"
    ),
    (["--guidance-interval", "-0.1,0.5"], "'-0.1,0.5': must be two numbers from 0 to 1"),
    (["--guidance-interval", "0,1.5"], "must be two numbers from 0 to 1"),
    (["--guidance-interval", "0.5"], "--guidance-interval '0.5': must be two numbers"),
    (["--guidance-interval", "low,high"], "must be two numbers from 0 to 1"),
    (["--cache", "taylor:0"], "'taylor:0': must be none, or taylor:N with N from 1 to 100"),
    (["--cache", "fora:3"], "--cache 'fora:3': must be none, or taylor:N"),
    (["--cache", "taylor:3", "--sampler", "heun"], "euler-sde, and heun makes others; give one"),
    (["--condition", "text"], "only 'class' is known"),
    (["--device", "tpu0"], "known are auto, cpu, cuda"),
    (["--device", "npu"], "device 'npu': known here are auto, cpu, cuda"),
    (["--tf32", "maybe"], "--tf32 'maybe': must be true or false"),
    (["--force", "2"], "--force '2': must be true or false"),
    (["--precision", "fp8", "--mode", "eager"], "fp8 is for mode graph"),
    (["--use-fp16", "maybe"], "--use-fp16 'maybe': must be true or false"),
  ]) func explainsWrongFlags(_ arguments: [String], _ hint: String) throws {
    try withTemporaryFolder { folder in
      let result = try dit(["sample"] + arguments, in: folder)
      #expect(result.status == 64, "\(result.errors)")
      #expect(result.errors.contains(hint), "\(result.errors)")
      #expect(result.errors.contains("Error: "))
      #expect(result.output.isEmpty)
    }
  }

  @Test func namesLineAndNearestKeyOfAConfigurationFile() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(
        """
        # A comment
        sampling_steps: lots
        guidence_scale: 4.0
        seed: [1, {a: b}]
        image_size: 64
        imagegrid: maybe
        num_inference_steps: 4
        """, to: folder + "/wrong.yaml")
      let result = try dit(["sample", "-c", "wrong.yaml"], in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains("line 2: sampling_steps: "), "\(result.errors)")
      #expect(
        result.errors.contains(
          "line 3: unknown key 'guidence_scale'; did you mean 'guidance_scale'?"))
      #expect(result.errors.contains("line 4: 'seed' must be a single value or a list"))
      #expect(!result.errors.contains("line 5"))
      #expect(result.errors.contains("line 6: imagegrid: 'maybe': must be true or false"))
      #expect(
        result.errors.contains(
          "line 7: unknown key 'num_inference_steps'; did you mean 'sampling_steps'?"))
    }
  }

  @Test(arguments: [
    ("a: b: c", "is not YAML: line 1"), ("- 1\n- 2", "must be a mapping"),
    ("seed: 1\nseed: 2", "'file.yaml', lines 1 and 2: 'seed' stands twice"),
    ("eta: 0\n'seed' : 1\n\nseed: 1", "'file.yaml', lines 2 and 4: 'seed' stands twice"),
    ("{seed: 1, seed: 2}", "'file.yaml', line 1: 'seed' stands twice"),
    (
      "sampling_steps: 2\nseed: 1\nsampling-steps: 3",
      "lines 1 and 3: 'sampling_steps' and 'sampling-steps' are the same setting, which stands twice"
    ), ("guidanceScale: 2\nguidance_scale:", "lines 1 and 2: 'guidanceScale' and 'guidance_scale'"),
    (
      "dit_checkpoint: a.pt\nseed: 1\npretrained_model_path: b.pt",
      "lines 1 and 3: 'pretrained_model_path' and 'dit_checkpoint' are the same setting, with"
        + " different values"
    ), ("ms_mode: 1\nmode: graph", "lines 1 and 2: 'ms_mode' and 'mode' are the same setting"),
    ("device: cuda:1\ndevice_target: CPU", "lines 1 and 2: 'device_target' and 'device'"),
    ("dtype: bf16\nprecision: fp32", "lines 1 and 2: 'dtype' and 'precision'"),
    ("use_fp16: True\nprecision: fp32", "lines 1 and 2: 'use_fp16' and 'precision'"),
    ("use_fp16: False\ndtype: fp16", "lines 1 and 2: 'use_fp16' and 'dtype'"),
    ("sampling:\n  seed: 1\n  seed: 2", "'file.yaml', lines 2 and 3: 'seed' stands twice"),
    ("", "'file.yaml' is empty; it must hold settings"),
  ]) func refusesInvalidConfigurationFiles(_ text: String, _ hint: String) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(text, to: folder + "/file.yaml")
      let result = try dit(["sample", "--config", "file.yaml"], in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains(hint), "\(result.errors)")
    }
  }

  @Test func takesKeysOfTheSameMeaningThatAgree() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(
        """
        ms_mode: 1
        mode: eager
        device_target: CPU
        device: cpu
        dtype: float32
        precision: fp32
        use_fp16: False
        class_labels: nobody
        """, to: folder + "/file.yaml")
      let result = try dit(["sample", "-c", "file.yaml"], in: folder)
      #expect(result.errors.contains("no class is called 'nobody'"), "\(result.errors)")
      // A flag replaces both keys.
      try AtomicFile.write("ms_mode: 1\nmode: graph\n", to: folder + "/file.yaml")
      let flag = try dit(
        ["sample", "-c", "file.yaml", "--mode", "graph", "--class-labels", "nobody"], in: folder)
      #expect(flag.errors.contains("no class is called 'nobody'"), "\(flag.errors)")
    }
  }

  @Test(arguments: [
    "\u{FEFF}seed: 1\r\nclass_labels: nobody\r\n", "seed: 1\rclass_labels: [\"nobody\"]\r",
    "\u{FEFF}# comment\r\n\r\nseed: 1\r\nclass_labels:\r\n  - nobody\r\n",
  ]) func readsConfigurationFilesOfOtherSystems(_ text: String) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(text, to: folder + "/file.yaml")
      let result = try dit(["sample", "-c", "file.yaml"], in: folder)
      #expect(result.errors.contains("no class is called 'nobody'"), "\(result.errors)")
    }
  }

  @Test func letsFlagsWinOverTheFile() throws {
    try withTemporaryFolder { folder in
      // The keys of MindONE's inference files.
      try AtomicFile.write(
        """
        image_size: 64
        model_name: ""
        dit_checkpoint: ""   # none: the built-in model
        sd_scale_factor: 1.0
        enable_flash_attention: True
        use_fp16: True
        sampling_steps: 5
        guidance_scale: 4.0
        seed: 7
        ddim_sampling: "True"
        output_path: out
        class_labels: [clock, 3]
        """, to: folder + "/file.yaml")
      let result = try dit(
        ["sample", "-c", "file.yaml", "--sampling_steps", "2"] + SmallModel.options, in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("2 images, 2 steps of ddim"))
      #expect(result.errors.contains("seed 7"))
    }
  }

  @Test(arguments: [
    (["tran"], "unknown command 'tran'; did you mean 'train'?"),
    (["benchmark", "everything"], "unknown command 'everything'; there are sample, encode,"),
  ]) func suggestsTheNearestCommand(_ arguments: [String], _ hint: String) throws {
    let result = try dit(arguments)
    #expect(result.status == 64)
    #expect(result.errors.contains(hint), "\(result.errors)")
  }

  @Test func describesItself() throws {
    for arguments in [["--help"], ["sample", "--help"], ["benchmark", "sample", "--help"]] {
      let result = try dit(arguments)
      #expect(result.status == 0)
      #expect(result.output.contains("OVERVIEW") && result.output.contains("USAGE: dit"))
    }
  }
}
