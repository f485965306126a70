/// What a trainer means by the name of a set of tensors.
enum WeightNames {
  private static let averageWords: Set = [
    "ema", "emas", "averaged", "average", "avg", "shadow", "swa", "polyak",
  ]
  /// Words for what an optimizer or a scheduler keeps, in PyTorch and MindSpore.
  private static let optimizerWords: Set = [
    "accum", "adam", "adamw", "beta", "exp", "grad", "gradient", "gradients", "grads", "lr",
    "moment", "momentum", "moments", "opt", "optim", "optimizer", "optimizers", "scaler", "sched",
    "scheduler", "schedulers", "sgd", "sq", "square", "squared", "squares", "swap", "variance",
  ]
  /// Words for the weights of the last step that a trainer keeps beside their average.
  private static let copyWords: Set = [
    "backup", "collected", "online", "raw", "stored", "temp",
  ]
  /// Words for numbers of a training.
  private static let counterWords: Set = [
    "averaged", "decay", "epoch", "initted", "iterator", "loss", "lr", "overflow", "power", "rate",
    "sense",
    "step", "steps", "updates",
  ]

  /// Whether a name is that of averaged weights: `ema`, `state_dict_ema`, `emaModel`,
  /// `averaged_model`, `shadow_params`.
  static func meansAverage(_ name: String) -> Bool {
    let words = words(name)
    return !words.isDisjoint(with: averageWords) && words.isDisjoint(with: optimizerWords)
      && words.isDisjoint(with: copyWords)
  }

  /// Whether a name within an optimizer's state is that of averaged weights. Averages of gradients and
  /// their squares are there too, so that other words than for the EMA do not count, nor do names of
  /// parameters.
  static func meansAverageOfOptimizer(_ name: String) -> Bool {
    let rest: Set = ["average", "averaged", "avg"]
    return meansAverage(name) && !name.contains(".")
      && !words(name).isDisjoint(with: averageWords.subtracting(rest))
  }

  /// Whether a name is that of an optimizer's or a scheduler's state.
  static func meansOptimizer(_ name: String) -> Bool {
    !words(name).isDisjoint(with: optimizerWords)
  }

  /// Whether a name is that of a copy of the weights of the last step.
  static func meansCopy(_ name: String) -> Bool { !words(name).isDisjoint(with: copyWords) }

  /// Whether a name is that of a number of the training, such as a count of steps.
  static func meansCounter(_ name: String) -> Bool {
    !words(name).isDisjoint(with: counterWords)
  }

  /// The words of a name in lower case: runs of letters, split where a capital begins a word.
  private static func words(_ name: String) -> Set<String> {
    let letters = Array(name.unicodeScalars.prefix(256))
    var words: Set<String> = []
    var word = ""
    func isCapital(_ index: Int) -> Bool {
      letters.indices.contains(index) && letters[index].properties.isUppercase
    }
    func isSmall(_ index: Int) -> Bool {
      letters.indices.contains(index) && letters[index].properties.isLowercase
    }
    for (index, letter) in letters.enumerated() {
      let begins = isCapital(index) && (isSmall(index - 1) || isSmall(index + 1))
      if begins || !letter.properties.isAlphabetic {
        words.insert(word.lowercased())
        word = ""
      }
      if letter.properties.isAlphabetic { word.unicodeScalars.append(letter) }
    }
    words.insert(word.lowercased())
    return words
  }

  /// The name with neither dots nor underscores, as some trainers spell the names of averages.
  static func mangled(_ name: some StringProtocol) -> String {
    String(name.filter { $0 != "." && $0 != "_" })
  }
}
